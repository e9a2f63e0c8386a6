// A smaller space for the next search, from what the trials of this one taught: what does not matter stays at the best
// value, all else is bounded to where good trials lie.
import type { Hyp, HypValue } from './hyp.ts'
import type { Importance, ScoredHyp } from './importance.ts'
import { spaceText } from './narrow-text.ts'
import type { Condition, Parameter } from './parameter.ts'
import { type Axis, unitCube } from './samplers/unit-cube.ts'
import { SearchSpace } from './space.ts'

/** Good are the best quarter, and never fewer than these. */
const goodShare = 0.25
const leastGood = 5
/** The range of the good trials is widened by this part of itself on either side, at least by this part of the axis. */
const widening = 0.15
const leastWidening = 0.03
/** What is left of an axis that is worth a bound. */
const worthwhile = 0.9
/** A choice that was tried so often without being good is left out. */
const oftenTried = 4
/** If the model explains less than this, what looks unimportant may not be. */
const leastExplained = 0.1

export interface NarrowRequest {
  readonly space: SearchSpace
  /** Of equal length; those that the importance was made from. */
  readonly trials: readonly ScoredHyp[]
  readonly importance: Importance
  /** Where the next search starts: the best hyp, the confirmed one if there is one. */
  readonly best: Hyp
  /** What the file says first, one line each. */
  readonly heading?: readonly string[]
}

export interface NarrowedSpace {
  readonly space: SearchSpace
  /** The space as a file for `--space`. */
  readonly text: string
  /** Fixed because they do not matter. */
  readonly fixed: readonly string[]
  /** With closer bounds or fewer choices. */
  readonly bounded: readonly string[]
  /** Left out: their condition cannot hold any more. */
  readonly dropped: readonly string[]
}

interface Change {
  readonly parameter: Parameter
  readonly remark?: string
  readonly what?: 'fixed' | 'bounded'
}

/**
 * Narrows a space. The best hyp is always in it, and so is the start if it is among the better half of the trials.
 *
 * @throws {@link SearchSpaceFrozenError} if the space had nothing that could move
 */
export function narrowedSpace({ space, trials, importance, best, heading = [] }: NarrowRequest): NarrowedSpace {
  const ranked = [...trials].sort((a, b) => b.score - a.score || a.number - b.number)
  const good = ranked.slice(0, Math.max(leastGood, Math.ceil(goodShare * ranked.length)))
  const startAt = ranked.findIndex(({ hyp }) => sameHyp(hyp, space.start))
  const kept = startAt >= 0 && startAt < ranked.length / 2 ? [best, space.start] : [best]
  const trusted = importance.explained >= leastExplained
  const matters = (key: string) => importance.keys.find((each) => each.key === key)
  // Something has to move.
  const first = importance.keys[0]?.key
  const free = (key: string) => !trusted || key === first || matters(key)?.distinguishable === true

  const axes = new Map(unitCube(space).axes.map((axis) => [axis.key, axis]))
  const changes = new Map(
    space.keys.map((key, i): [string, Change] => [key, changeOf(key, space.parameters[i], axes.get(key))]),
  )
  const { parameters, dropped } = withPossibleConditions(
    new Map([...changes].map(([key, { parameter }]) => [key, parameter])),
  )
  const narrowed = new SearchSpace(Object.fromEntries(parameters), { source: 'The narrowed space' })
  const remarks = new Map([...changes].flatMap(([key, { remark }]) => (remark === undefined ? [] : [[key, remark]])))
  const of = (what: Change['what']) =>
    [...changes].filter(([key, change]) => change.what === what && parameters.has(key)).map(([key]) => key)
  const notes = [
    ...heading,
    ...(trusted ? [] : ['The model explains too little to say what does not matter: nothing is fixed.']),
    ...(dropped.length > 0 ? [`Left out, as their condition cannot hold here: ${dropped.join(', ')}`] : []),
  ]
  return {
    space: narrowed,
    text: spaceText(narrowed, notes, remarks),
    fixed: of('fixed'),
    bounded: of('bounded'),
    dropped,
  }

  function changeOf(key: string, parameter: Parameter, axis: Axis | undefined): Change {
    const start = startOf(key, parameter)
    if (axis === undefined) return { parameter: unmoved(parameter) }
    const found = matters(key)
    if (found === undefined)
      return {
        parameter: withStart(parameter, start),
        remark: 'had one value in all trials: nothing is known about it',
      }
    const share = `${percent(found.total)} of the differences`
    if (!free(key)) {
      const { when } = parameter
      return {
        parameter: { kind: 'fixed', start, ...(when === undefined ? {} : { when }) },
        what: 'fixed',
        remark: `fixed at the best value: ${share}, not distinguishable from none`,
      }
    }
    const bounded = axis.kind === 'choice' ? fewerChoices(key, parameter) : closerBounds(axis, parameter, start)
    if (bounded === undefined) return { parameter: withStart(parameter, start), remark: share }
    return { parameter: withStart(bounded, start), what: 'bounded', remark: `${share}; was ${rangeText(parameter)}` }
  }

  /** The best hyp's value; where it has none, that of the best trial that does. */
  function startOf(key: string, parameter: Parameter): HypValue {
    const holder = [best, ...ranked.map(({ hyp }) => hyp)].find((hyp) => Object.hasOwn(hyp, key))
    return holder ? holder[key] : parameter.start
  }

  function fewerChoices(key: string, parameter: Parameter): Parameter | undefined {
    if (parameter.kind !== 'choice') return undefined
    const values = (hyps: readonly Hyp[]) => hyps.filter((hyp) => Object.hasOwn(hyp, key)).map((hyp) => hyp[key])
    const worth = new Set(values([...kept, ...good.map(({ hyp }) => hyp)]))
    const tried = values(trials.map(({ hyp }) => hyp))
    const choices = parameter.choices.filter(
      (choice) => worth.has(choice) || tried.filter((each) => each === choice).length < oftenTried,
    )
    return choices.length < parameter.choices.length ? { ...parameter, choices } : undefined
  }

  function closerBounds(
    axis: Extract<Axis, { kind: 'number' }>,
    parameter: Parameter,
    start: HypValue,
  ): Parameter | undefined {
    if (parameter.kind === 'fixed' || parameter.kind === 'choice') return undefined
    const holding = [...good.map(({ hyp }) => hyp), ...kept].filter((hyp) => Object.hasOwn(hyp, axis.key))
    const stretches = holding.map((hyp) => {
      const u = axis.toUnit(hyp[axis.key])
      return axis.cell(u) ?? ([u, u] as const)
    })
    if (stretches.length < leastGood) return undefined
    const from = Math.min(...stretches.map(([low]) => low))
    const to = Math.max(...stretches.map(([, high]) => high))
    const more = Math.max(widening * (to - from), leastWidening)
    const [low, high] = [Math.max(0, from - more), Math.min(1, to + more)]
    if (high - low > worthwhile) return undefined
    const values = [Number(start), ...holding.map((hyp) => Number(hyp[axis.key]))]
    const lower = Math.min(...values, rounded(axis.fromUnit(low), 'down', parameter))
    const upper = Math.max(...values, rounded(axis.fromUnit(high), 'up', parameter))
    if (!(lower < upper)) return undefined
    // An end that was no bound is none afterwards, where the good trials come up to it.
    return {
      ...parameter,
      lower: low === 0 ? (parameter.lower ?? lower) : lower,
      upper: high === 1 ? (parameter.upper ?? upper) : upper,
    }
  }
}

/** Outwards to three digits, not beyond the bounds that were. */
function rounded(
  value: number,
  way: 'up' | 'down',
  { lower, upper }: { lower?: number | undefined; upper?: number | undefined },
): number {
  if (value === 0) return 0
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 2)
  const outward = way === 'up' ? Math.ceil(value / step - 1e-9) : Math.floor(value / step + 1e-9)
  const near = Number((outward * step).toPrecision(3))
  return Math.min(Math.max(near, lower ?? -Infinity), upper ?? Infinity)
}

function withStart(parameter: Parameter, start: HypValue): Parameter {
  if (parameter.kind === 'choice' || parameter.kind === 'fixed') return { ...parameter, start }
  return { ...parameter, start: Number(start) }
}

/** What cannot move keeps its value, in the shortest form. */
function unmoved(parameter: Parameter): Parameter {
  const { start, when } = parameter
  return { kind: 'fixed', start, ...(when === undefined ? {} : { when }) }
}

/** Conditions name only what still can be; who has a condition that never holds is dropped, and who depends on that. */
function withPossibleConditions(all: ReadonlyMap<string, Parameter>): {
  parameters: Map<string, Parameter>
  dropped: string[]
} {
  const parameters = new Map(all)
  const dropped: string[] = []
  for (let again = true; again; ) {
    again = false
    for (const [key, parameter] of parameters) {
      if (parameter.when === undefined) continue
      const entries = Object.entries(parameter.when as Condition).map(
        ([other, values]) => [other, values.filter((value) => canBe(parameters.get(other), value))] as const,
      )
      if (entries.some(([, values]) => values.length === 0)) {
        parameters.delete(key)
        dropped.push(key)
        again = true
      } else parameters.set(key, { ...parameter, when: Object.fromEntries(entries.map(([k, v]) => [k, [...v]])) })
    }
  }
  return { parameters, dropped }
}

function canBe(parameter: Parameter | undefined, value: HypValue): boolean {
  if (parameter === undefined) return false
  switch (parameter.kind) {
    case 'fixed':
      return parameter.start === value
    case 'choice':
      return parameter.choices.includes(value)
    default:
      return Number(value) >= (parameter.lower ?? -Infinity) && Number(value) <= (parameter.upper ?? Infinity)
  }
}

function sameHyp(a: Hyp, b: Hyp): boolean {
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key])
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`

function rangeText(parameter: Parameter): string {
  if (parameter.kind === 'choice') return parameter.choices.join(', ')
  if (parameter.kind === 'fixed') return String(parameter.start)
  return `${parameter.lower ?? ''}..${parameter.upper ?? ''}`
}
