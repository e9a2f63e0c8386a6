// Hyps that were not tried before: what native mode promises of every sampler.
import { type Random, SearchSpaceExhaustedError } from '../../base/index.ts'
import type { HypValue } from '../hyp.ts'
import { clip, fromUnit, type Parameter } from '../parameter.ts'
import type { Proposal, SearchContext } from '../sampler.ts'
import type { SearchSpace } from '../space.ts'

const mostAttempts = 100
const mostDraws = 1000
/** Spaces with up to so many hyps are looked through to the last one. */
const countable = 20_000

/**
 * The first proposal of `attempt` that no trial has, running ones included. If a hundred attempts from the same random
 * stream bring none, values are drawn evenly; where the whole space is small enough to be listed, one of the hyps that
 * are left is taken.
 *
 * @throws {@link SearchSpaceExhaustedError} if none is left, or none was found
 */
export function freshProposal(
  context: SearchContext,
  sampler: { readonly name: string; readonly multiplies: boolean },
  attempt: () => Proposal,
): Proposal {
  const { history, rng } = context
  for (let i = 0; i < mostAttempts; i++) {
    const proposal = attempt()
    if (!history.hasHyp(proposal.hyp)) return proposal
  }
  const frozen = context.space.frozen(sampler).map(({ key }) => key) // a zero that the sampler multiplies stays zero
  if (frozen.length === context.space.keys.length) throw new SearchSpaceExhaustedError(sampler.name, history.size)
  const space = context.space.fix(frozen)
  for (let i = 0; i < mostDraws; i++) {
    const hyp = space.toHyp(evenDraw(space, rng))
    if (!history.hasHyp(hyp)) return { hyp, parents: [] }
  }
  const left = [...allHyps(space)].filter((hyp) => !history.hasHyp(hyp))
  if (left.length === 0) throw new SearchSpaceExhaustedError(sampler.name, history.size)
  return { hyp: left[Math.floor(rng.numpy.random() * left.length)], parents: [] }
}

/** The start of a search: the first trial of every sampler. */
export const startProposal = (space: SearchSpace): Proposal => ({ hyp: space.start, parents: [] })

/**
 * Values drawn evenly between the bounds (one draw per parameter, fixed ones too, so that fixing one leaves the others'
 * values as they were): in the logarithm for what has `log`, and for YOLO's hyperparameters with positive bounds at least
 * a factor of 100 apart (learning rates).
 */
export function evenDraw(space: SearchSpace, { numpy }: Random): HypValue[] {
  return space.parameters.map((parameter) => drawn(parameter, numpy.random()))
}

function drawn(parameter: Parameter, u: number): HypValue {
  switch (parameter.kind) {
    case 'fixed':
      return parameter.start
    case 'choice':
      return parameter.choices[Math.floor(u * parameter.choices.length)]
    case 'float':
      return fromUnit(parameter, u)
    case 'integer': {
      const { lower, upper, log } = parameter
      if (log) return Math.floor(lower * ((upper + 1) / lower) ** u)
      return lower + Math.floor(u * (upper - lower + 1))
    }
    case 'range': {
      if (parameter.gain === 0) return parameter.start
      const [lower, upper] = reach(parameter)
      if (lower > 0 && upper / lower >= 100) return Math.exp(Math.log(lower) + u * Math.log(upper / lower))
      return lower + u * (upper - lower)
    }
  }
}

/** Bounds; one that is not there lies where a single mutation of the start can come. */
export function reach({ start, lower, upper }: Extract<Parameter, { kind: 'range' }>): [lower: number, upper: number] {
  const [near, far] = start < 0 ? [3 * start, 0.3 * start] : [0.3 * start, 3 * start]
  const low = lower ?? Math.min(near, upper ?? near)
  return [low, upper ?? Math.max(far, low)]
}

/** Every hyp of a space whose hyps can be counted; nothing if there are too many. */
function allHyps(space: SearchSpace): Set<ReturnType<SearchSpace['toHyp']>> {
  const lists = space.parameters.map((parameter) => valuesOf(parameter, space.decimals))
  const count = lists.reduce((product, list) => product * (list?.length ?? Infinity), 1)
  if (!(count <= countable)) return new Set()
  let rows: HypValue[][] = [[]]
  for (const list of lists) rows = rows.flatMap((row) => (list ?? []).map((value) => [...row, value]))
  return new Set(rows.map((row) => space.toHyp(row)))
}

/** `undefined` if there are too many. */
function valuesOf(parameter: Parameter, decimals: number | undefined): HypValue[] | undefined {
  switch (parameter.kind) {
    case 'fixed':
      return [parameter.start]
    case 'choice':
      return parameter.choices
    case 'integer':
      return steps(parameter.lower, parameter.upper, 1)
    case 'float':
      return parameter.lower === parameter.upper ? [parameter.lower] : stepsOfDecimals(parameter, decimals)
    case 'range': {
      if (parameter.gain === 0) return [parameter.start]
      const [lower, upper] = reach(parameter)
      return lower === upper ? [lower] : stepsOfDecimals({ lower, upper }, decimals)
    }
  }
}

const stepsOfDecimals = ({ lower, upper }: { lower: number; upper: number }, decimals: number | undefined) =>
  decimals === undefined ? undefined : steps(lower, upper, 10 ** -decimals)

function steps(lower: number, upper: number, size: number): number[] | undefined {
  const count = Math.floor((upper - lower) / size + 1e-9) + 1
  return count > countable ? undefined : Array.from({ length: count }, (_, i) => clip(lower + i * size, lower, upper))
}
