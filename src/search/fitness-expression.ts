// Formulas of metrics: a small parser (recursive descent) and what it reads, evaluated without `eval`.
import { FitnessInvalidError } from '../base/index.ts'

export type Expression =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'metric'; readonly name: string; readonly position: number }
  | { readonly kind: 'negative'; readonly of: Expression }
  | { readonly kind: 'binary'; readonly operator: Operator; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'call'; readonly name: keyof typeof functions; readonly of: readonly Expression[] }

type Operator = '+' | '-' | '*' | '/' | '^'

const functions = {
  min: (values: number[]) => Math.min(...values),
  max: (values: number[]) => Math.max(...values),
} as const

interface Token {
  readonly kind: 'number' | 'name' | 'quoted' | 'symbol'
  readonly text: string
  readonly position: number
}

/** A formula this long or this deep is a mistake (and would use up the stack). */
const longest = 2000
const deepest = 100

const pattern =
  /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)|([A-Za-z_]\w*)|'([^']*)'|"([^"]*)"|`([^`]*)`|(.))/suy

function tokens(text: string): Token[] {
  const found: Token[] = []
  const trimmed = text.trimEnd()
  pattern.lastIndex = 0
  while (pattern.lastIndex < trimmed.length) {
    const match = pattern.exec(trimmed)
    if (!match) break
    const [whole, number, name, single, double, back, symbol] = match
    const position = match.index + whole.length - whole.trimStart().length
    const quoted = single ?? double ?? back
    if (number !== undefined) found.push({ kind: 'number', text: number, position })
    else if (name !== undefined) found.push({ kind: 'name', text: name, position })
    else if (quoted !== undefined) found.push({ kind: 'quoted', text: quoted, position })
    else found.push({ kind: 'symbol', text: symbol, position })
  }
  return found
}

/**
 * Grammar: sum = product (± product)*, product = signed (×÷ signed)*, signed = -signed | power,
 * power = atom (^ signed)?, atom = number | metric | 'metric' | min(sum, …) | (sum).
 *
 * @throws {@link FitnessInvalidError} with the place where it stops to make sense
 */
export function parseExpression(text: string): Expression {
  if (text.length > longest) throw new FitnessInvalidError(text, longest, 'it is too long')
  const list = tokens(text)
  let next = 0
  let depth = 0
  const peek = (symbol: string) => list[next]?.kind === 'symbol' && list[next].text === symbol
  const take = (symbol: string) => peek(symbol) && Boolean(++next)
  const fail = (problem: string): never => {
    const token = list[next]
    const found = token === undefined ? 'the formula ends' : `"${token.text}" stands there`
    throw new FitnessInvalidError(text, token?.position ?? text.trimEnd().length, `${problem} (${found})`)
  }
  const deeper = <T>(read: () => T): T => {
    if (++depth > deepest) fail('it is nested too deeply')
    const result = read()
    depth--
    return result
  }
  const chain = (operators: readonly Operator[], read: () => Expression): Expression => {
    let left = read()
    for (;;) {
      const operator = operators.find((each) => take(each))
      if (operator === undefined) return left
      left = { kind: 'binary', operator, left, right: read() }
    }
  }
  const sum = (): Expression => deeper(() => chain(['+', '-'], product))
  const product = (): Expression => chain(['*', '/'], signed)
  const signed = (): Expression => deeper(() => (take('-') ? { kind: 'negative', of: signed() } : power()))
  const power = (): Expression => {
    const left = atom()
    return take('^') ? { kind: 'binary', operator: '^', left, right: signed() } : left
  }
  const atom = (): Expression => {
    const token = list[next]
    if (token?.kind === 'number') {
      next++
      return { kind: 'number', value: Number(token.text) }
    }
    if (token?.kind === 'quoted' || token?.kind === 'name') {
      next++
      if (token.text.trim() === '') {
        next--
        return fail('a metric has a name')
      }
      if (token.kind === 'name' && take('(')) return call(token)
      return { kind: 'metric', name: token.text, position: token.position }
    }
    if (!take('(')) return fail('a number or a metric is expected')
    const inner = sum()
    if (!take(')')) return fail('a closing parenthesis is expected')
    return inner
  }
  const call = (name: Token): Expression => {
    if (!Object.hasOwn(functions, name.text))
      throw new FitnessInvalidError(text, name.position, `there is no function "${name.text}", only min and max`)
    const of = [sum()]
    while (take(',')) of.push(sum())
    if (!take(')')) return fail('a comma or a closing parenthesis is expected')
    return { kind: 'call', name: name.text as keyof typeof functions, of }
  }
  const expression = sum()
  if (next < list.length) return fail('an operator is expected')
  return expression
}

/** NaN where a metric is. */
export function evaluate(expression: Expression, metric: (name: string) => number): number {
  switch (expression.kind) {
    case 'number':
      return expression.value
    case 'metric':
      return metric(expression.name)
    case 'negative':
      return -evaluate(expression.of, metric)
    case 'call':
      return functions[expression.name](expression.of.map((each) => evaluate(each, metric)))
    case 'binary': {
      const left = evaluate(expression.left, metric)
      const right = evaluate(expression.right, metric)
      switch (expression.operator) {
        case '+':
          return left + right
        case '-':
          return left - right
        case '*':
          return left * right
        case '/':
          return left / right
        case '^':
          return left ** right
      }
    }
  }
}

/** Metrics that the expression names, in order, repeated ones too. */
export function metricNames(expression: Expression): { readonly name: string; readonly position: number }[] {
  switch (expression.kind) {
    case 'number':
      return []
    case 'metric':
      return [expression]
    case 'negative':
      return metricNames(expression.of)
    case 'call':
      return expression.of.flatMap(metricNames)
    case 'binary':
      return [...metricNames(expression.left), ...metricNames(expression.right)]
  }
}
