// A space as the yaml file that `--space` reads (space-file.ts), with comments.
import type { HypValue } from './hyp.ts'
import type { Parameter } from './parameter.ts'
import type { SearchSpace } from './space.ts'

/**
 * The lines of the file; `parseSpace` makes the same space of it, less the rounding to decimals.
 *
 * @param heading - comment lines before it, without `#`
 * @param remarks - what stands behind the line of a key
 */
export function spaceText(
  space: SearchSpace,
  heading: readonly string[] = [],
  remarks: ReadonlyMap<string, string> = new Map(),
): string {
  const lines = space.keys.map(
    (key, i) => [`${word(key)}: ${described(space.parameters[i])}`, remarks.get(key)] as const,
  )
  const width = Math.min(70, Math.max(...lines.map(([line]) => line.length)))
  const written = lines.map(([line, remark]) =>
    remark === undefined ? line : `${line.padEnd(width)}  # ${oneLine(remark)}`,
  )
  return [...heading.map((line) => `# ${oneLine(line)}`.trimEnd()), ...written].map((line) => `${line}\n`).join('')
}

/** A line end would end a comment. */
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ')

const reserved = /^(true|false|null|yes|no|on|off|y|n|\.?nan|\.?inf)$/i

/** Names and texts that yaml could take for something else stand in quotes. */
const word = (text: string) => (/^[A-Za-z_][\w./-]*$/.test(text) && !reserved.test(text) ? text : JSON.stringify(text))

const valueText = (value: HypValue) => (typeof value === 'string' ? word(value) : String(value))
const listText = (values: readonly HypValue[]) => `[${values.map(valueText).join(', ')}]`

function described(parameter: Parameter): string {
  const when =
    parameter.when === undefined
      ? []
      : [
          `when: { ${Object.entries(parameter.when)
            .map(([key, values]) => `${word(key)}: ${listText(values)}`)
            .join(', ')} }`,
        ]
  const map = (...entries: readonly string[]) => `{ ${[...entries, ...when].join(', ')} }`
  const start = `default: ${valueText(parameter.start)}`
  switch (parameter.kind) {
    case 'fixed':
      return when.length === 0 ? valueText(parameter.start) : map(`fixed: ${valueText(parameter.start)}`)
    case 'choice':
      return map(`choice: ${listText(parameter.choices)}`, start)
    case 'range': {
      const { gain, lower, upper } = parameter
      const bounds = [lower === undefined ? [] : `lower: ${lower}`, upper === undefined ? [] : `upper: ${upper}`]
      return map(`gain: ${gain}`, ...bounds.flat(), start)
    }
    default: {
      const { kind, lower, upper, log } = parameter
      return map(`${kind}: ${listText([lower, upper])}`, ...(log ? ['log: true'] : []), start)
    }
  }
}
