// PriorBand: Hyperband whose new hyps are drawn evenly, near the default, or near the incumbent. Mallik et al., NeurIPS
// 2023 (arXiv 2306.12370); steps and constants as in algorithms.md, 3.3 A.
import type { NumpyRandom } from '../../../src/base/index.ts'
import type { Search, Setting } from '../method.ts'
import type { Point, UnitCube } from '../unit-cube.ts'
import { BracketSearch, bestFirst, bracketOf, eta, type Seen } from './brackets.ts'
import { drawsOf, truncatedLogDensity, truncatedNormal } from './draws.ts'

/** Spread of the draws near the default and near the incumbent. */
const deviation = 0.25
/** Share of the draws near the default that keep the default's choice. */
const keepsChoice = 1 - deviation
/** How likely each hyperparameter moves away from the incumbent. */
const moves = 0.5

export function priorBand(setting: Setting, options: { readonly resumes: boolean }): Search {
  const random = drawsOf(setting)
  return new BracketSearch(
    setting,
    (rung, seen) => {
      const { uniform, prior } = mixtureAt(rung, seen)
      const u = random.random()
      if (u < uniform) return seen.cube.draw(() => random.random())
      if (u < uniform + prior) return nearDefault(seen.cube, seen.cube.toPoint(setting.space.start), random)
      return nearIncumbent(seen.cube, incumbentOf(seen)!, random)
    },
    options,
  )
}

/** How likely a new hyp at a rung is drawn evenly, near the default, or near the incumbent; they add up to 1. */
export function mixtureAt(rung: number, seen: Seen): { uniform: number; prior: number; incumbent: number } {
  const uniform = 1 / (1 + eta ** rung)
  const incumbent = incumbentOf(seen)
  if (!incumbent || !isActive(seen)) return { uniform, prior: 1 - uniform, incumbent: 0 }

  // Which of the two explains the best of the highest rung with enough results better; the best weighs most.
  const { cube, setting, observed } = seen
  const top = observed.findLast((each) => each.length >= eta)!
  const best = bestFirst(top).slice(0, Math.floor(top.length / eta))
  const scoreOf = (centre: Point) =>
    logSum(best.map(({ point }, i) => Math.log(best.length - i) + logDensity(cube, point, centre)))
  const ofPrior = scoreOf(cube.toPoint(setting.space.start))
  const ofIncumbent = scoreOf(incumbent)
  const prior = (1 - uniform) / (1 + Math.exp(ofIncumbent - ofPrior))
  return { uniform, prior, incumbent: 1 - uniform - prior }
}

/** The best at full length, not of any shorter rung. */
const incumbentOf = ({ observed }: Seen): Point | undefined => bestFirst(observed.at(-1)!)[0]?.point

/**
 * The incumbent counts once as much was spent as a first bracket costs (each rung by its further epochs), and some rung
 * has enough results. (The reference multiplies by the rung's number when it adds this up, and wants exactly eta results;
 * neither is kept.)
 */
function isActive({ rungs, spent, observed }: Seen): boolean {
  const firstBracket = bracketOf(rungs.length, 0).reduce(
    (sum, { rung, size }) => sum + size * (rungs[rung] - (rungs[rung - 1] ?? 0)),
    0,
  )
  return spent >= firstBracket && observed.some((each) => each.length >= eta)
}

function nearDefault(cube: UnitCube, centre: Point, random: NumpyRandom): Point {
  return centre.map((mean, i) => {
    if (cube.choices[i] === 0) return truncatedNormal(random, mean, deviation)
    return random.random() < keepsChoice ? mean : anotherChoice(cube.choices[i], mean, random)
  })
}

function nearIncumbent(cube: UnitCube, centre: Point, random: NumpyRandom): Point {
  for (;;) {
    const moved = centre.map((mean, i) => {
      if (random.random() >= moves) return mean
      if (cube.choices[i] === 0) return truncatedNormal(random, mean, deviation)
      return anotherChoice(cube.choices[i], mean, random)
    })
    if (moved.some((each, i) => each !== centre[i])) return moved
  }
}

function anotherChoice(count: number, position: number, random: NumpyRandom): number {
  const present = Math.min(count - 1, Math.floor(position * count))
  if (count === 1) return position
  const other = random.randint(count - 1)
  return ((other >= present ? other + 1 : other) + 0.5) / count
}

/** Of a point under the draws around a centre; in logarithms, for 25 densities multiply. */
function logDensity(cube: UnitCube, point: Point, centre: Point): number {
  return point.reduce((sum, x, i) => {
    const count = cube.choices[i]
    if (count === 0) return sum + truncatedLogDensity(x, centre[i], deviation)
    if (count === 1) return sum
    const same = Math.floor(x * count) === Math.floor(centre[i] * count)
    return sum + Math.log(same ? keepsChoice : (1 - keepsChoice) / (count - 1))
  }, 0)
}

function logSum(values: readonly number[]): number {
  const largest = Math.max(...values)
  return largest + Math.log(values.reduce((sum, each) => sum + Math.exp(each - largest), 0))
}
