// Where a search may have been held up by its own bounds.
import type { Hyp } from './hyp.ts'
import { unitCube } from './samplers/unit-cube.ts'
import type { SearchSpace } from './space.ts'

/** A hyperparameter whose best values lie at an end of its range. */
export interface Edge {
  readonly key: string
  readonly end: 'lower' | 'upper'
  readonly bound: number
}

/** So close to an end, in parts of the axis, is at the end. */
const close = 0.01
/** Share of the good hyps that must lie there too. */
const most = 0.6

/**
 * Hyperparameters of the best hyp that lie at an end of their range, as most other good ones do: better values may lie
 * beyond. Not told are ends that are natural ones, 0 below and 1 above, and the end where the search started.
 *
 * @param good - the best trials of a search, `best` among them or not; with fewer than three nothing is told
 */
export function edgesOf(space: SearchSpace, best: Hyp, good: readonly Hyp[]): Edge[] {
  if (good.length < 3) return []
  const cube = unitCube(space)
  const at = cube.toPositions(best)
  const others = good.map((hyp) => cube.toPositions(hyp))
  return cube.axes.flatMap((axis, i): Edge[] => {
    if (axis.kind === 'choice' || axis.cell(at[i]) !== undefined) return []
    const end = at[i] <= close ? 0 : at[i] >= 1 - close ? 1 : undefined
    if (end === undefined || Math.abs(axis.start - end) <= close) return []
    const bound = Number(axis.fromUnit(end))
    if (bound === end) return []
    const there = others.filter((positions) => Math.abs(positions[i] - end) <= close).length
    return there >= most * good.length ? [{ key: axis.key, end: end === 0 ? 'lower' : 'upper', bound }] : []
  })
}
