// Rungs and brackets of Hyperband, and a search that runs one bracket after the other.
import type { Hyp } from '../../../src/search/index.ts'
import type { Ask, Job, Search, Setting } from '../method.ts'
import { type Point, UnitCube } from '../unit-cube.ts'

/** What is kept of a rung: the best of so many. */
export const eta = 3

/**
 * Lengths of the rungs in epochs, shortest first: R / eta^s, …, R / eta, R, none below max(R / 9, the first epoch).
 *
 * algorithms.md, 3.3 A1, with 3.2's floor.
 */
export function rungsOf({ epochs, firstEpoch }: { readonly epochs: number; readonly firstEpoch: number }): number[] {
  const lowest = Math.max(epochs / 9, firstEpoch)
  const top = Math.floor(Math.log(epochs / lowest) / Math.log(eta) + 1e-9)
  return Array.from({ length: top + 1 }, (_, k) => Math.max(firstEpoch, Math.round(epochs / eta ** (top - k))))
}

export interface RungPlan {
  readonly rung: number
  readonly size: number
}

/**
 * The bracket that starts at rung `first`: n = floor((s + 1) / (s - first + 1)) eta^(s - first) hyps, of which rung
 * first + i trains n / eta^i.
 *
 * algorithms.md, 3.3 A2; the form of NePS. (Li et al., JMLR 18, 2018, round the first factor up: 5 instead of 3 hyps in
 * the second of three brackets.)
 */
export function bracketOf(rungs: number, first: number): RungPlan[] {
  const top = rungs - 1
  const size = Math.floor((top + 1) / (top - first + 1)) * eta ** (top - first)
  return Array.from({ length: rungs - first }, (_, i) => ({ rung: first + i, size: Math.floor(size / eta ** i) }))
}

/** A finished training at a rung. */
export interface Observation {
  readonly point: Point
  readonly hyp: Hyp
  readonly score: number
  readonly job: number
}

/** What a proposal may look at. */
export interface Seen {
  readonly cube: UnitCube
  readonly setting: Setting
  /** Lengths of the rungs in epochs. */
  readonly rungs: readonly number[]
  /** Finished trainings by rung. */
  readonly observed: readonly (readonly Observation[])[]
  /** Epochs billed for finished trainings. */
  readonly spent: number
}

interface Slot {
  readonly point: Point
  readonly hyp: Hyp
  /** The training one rung below. */
  readonly before: number | undefined
  state: 'waiting' | 'running' | Observation
}

interface Bracket {
  readonly plan: readonly RungPlan[]
  /** Position in the plan. */
  level: number
  /** Of the present rung; the first one fills as points are proposed. */
  slots: Slot[]
}

/**
 * The default at full length, then brackets in turn, from the one that starts lowest to the one that starts at full
 * length. A rung is promoted when all of it has ended; while it has not, workers that are free begin the next bracket.
 */
export class BracketSearch implements Search {
  readonly #cube: UnitCube
  readonly #setting: Setting
  readonly #rungs: readonly number[]
  readonly #resumes: boolean
  readonly #propose: (rung: number, seen: Seen) => Point
  readonly #observed: Observation[][]
  /** Of the trainings under way, by number; the default belongs to no bracket. */
  readonly #running = new Map<number, { readonly slot: Slot; readonly bracket: Bracket }>()
  readonly #open: Bracket[] = []
  #begunBrackets = 0
  #spent = 0

  constructor(setting: Setting, propose: (rung: number, seen: Seen) => Point, { resumes }: { resumes: boolean }) {
    this.#setting = setting
    this.#cube = new UnitCube(setting.space)
    this.#rungs = rungsOf(setting)
    this.#observed = this.#rungs.map(() => [])
    this.#propose = propose
    this.#resumes = resumes
  }

  ask(number: number): Ask {
    if (number === 0) return { hyp: this.#setting.space.start, epochs: this.#setting.epochs }
    for (const bracket of this.#open) {
      const slot = this.#freeSlot(bracket)
      if (slot) return this.#train(number, bracket, slot)
    }
    const plan = bracketOf(this.#rungs.length, this.#begunBrackets++ % this.#rungs.length)
    const bracket: Bracket = { plan, level: 0, slots: [] }
    this.#open.push(bracket)
    return this.#train(number, bracket, this.#freeSlot(bracket)!)
  }

  tell(job: Job, score: number): void {
    const of = this.#running.get(job.number)
    this.#running.delete(job.number)
    const rung = this.#rungs.lastIndexOf(job.epochs)
    this.#spent += job.epochs - (job.continues === undefined ? 0 : this.#rungs[rung - 1])
    const point = of?.slot.point ?? this.#cube.toPoint(job.hyp)
    const observation: Observation = { point, hyp: job.hyp, score, job: job.number }
    this.#observed[rung].push(observation)
    if (of === undefined) return
    of.slot.state = observation
    this.#promote(of.bracket)
  }

  #freeSlot(bracket: Bracket): Slot | undefined {
    const waiting = bracket.slots.find(({ state }) => state === 'waiting')
    const { rung, size } = bracket.plan[bracket.level]
    if (waiting || bracket.level > 0 || bracket.slots.length === size) return waiting
    const seen: Seen = {
      cube: this.#cube,
      setting: this.#setting,
      rungs: this.#rungs,
      observed: this.#observed,
      spent: this.#spent,
    }
    const point = this.#propose(rung, seen)
    const slot: Slot = { point, hyp: this.#cube.toHyp(point), before: undefined, state: 'waiting' }
    bracket.slots.push(slot)
    return slot
  }

  #train(number: number, bracket: Bracket, slot: Slot): Ask {
    slot.state = 'running'
    this.#running.set(number, { bracket, slot })
    const epochs = this.#rungs[bracket.plan[bracket.level].rung]
    const continues = this.#resumes ? slot.before : undefined
    return { hyp: slot.hyp, epochs, ...(continues === undefined ? {} : { continues }) }
  }

  #promote(bracket: Bracket): void {
    const { size } = bracket.plan[bracket.level]
    const ended = bracket.slots.flatMap(({ state }) => (typeof state === 'string' ? [] : [state]))
    if (ended.length < size) return
    bracket.level++
    if (bracket.level === bracket.plan.length) {
      this.#open.splice(this.#open.indexOf(bracket), 1)
      return
    }
    bracket.slots = bestFirst(ended)
      .slice(0, bracket.plan[bracket.level].size)
      .map(({ point, hyp, job }) => ({ point, hyp, before: job, state: 'waiting' }))
  }
}

/** Best first; of equals the earlier. */
export const bestFirst = (observations: readonly Observation[]): Observation[] =>
  [...observations].sort((a, b) => b.score - a.score || a.job - b.job)
