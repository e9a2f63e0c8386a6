// One run of a method on a problem: a simulated clock, any number of workers, and the bill.
import { NumpyRandom } from '../../src/base/index.ts'
import { type Hyp, hypDigest } from '../../src/search/index.ts'
import type { Job, Method, Search } from './method.ts'
import type { Problem, Training } from './problem.ts'

export interface SimulationOptions {
  /** In full trainings. */
  readonly budget: number
  readonly workers: number
  readonly seed: number
  /**
   * `surrogate`: trainings take the time that the problem tells. `jitter`: a training of e epochs takes e / R, times a
   * factor drawn evenly from 0.7 to 1.3. Default: the problem's times where it has them.
   */
  readonly clock?: 'surrogate' | 'jitter'
}

/**
 * The seed of a run. Different for each task, or a search that draws without looking would try the same hyps on all of
 * them: such runs are no more independent than their seeds are many.
 */
export function runSeed(task: string, seed: number): number {
  let hash = 0x811c9dc5 // FNV-1a, 32 bits
  for (const letter of `${task} ${seed}`) hash = Math.imul(hash ^ letter.codePointAt(0)!, 0x01000193)
  return hash >>> 0
}

/** What would have been handed over from here on. */
export interface Step {
  /** Billed so far, in full trainings, of the trainings that have ended. */
  readonly spent: number
  /** On the simulated clock, where 1 is a typical full training. */
  readonly time: number
  readonly regret: number
}

export interface Run {
  /** One for every training that changed what would be handed over; the first is the default, before anything ran. */
  readonly steps: readonly Step[]
  /** Trainings that ended, of any length. */
  readonly trainings: number
  /** Full trainings among them. */
  readonly full: number
  /** Billed in all, in full trainings. */
  readonly spent: number
  /** When the last training ended. */
  readonly time: number
}

interface Running {
  readonly job: Job
  readonly training: Training
  /** Scores as they are observed, with noise. */
  readonly observed: (epoch: number) => number
  readonly began: number
  /** Epochs that an earlier training had already paid for. */
  readonly paid: number
  /** Factor of the time; 1 where the problem tells times. */
  readonly pace: number
  /** What it does next: the end of this epoch. */
  epoch: number
}

/**
 * Runs a method until its budget is given out, then lets what runs come to its end.
 *
 * What would be handed over is the hyp with the best observed score at full length; before there is one, that with the
 * best score at the longest length that has ended; before anything has ended, the default. Its regret is that of its
 * full training without noise.
 *
 * @throws if the method waits although nothing runs, or asks for a training that cannot be
 */
export async function simulate(problem: Problem, method: Method, options: SimulationOptions): Promise<Run> {
  const { workers, seed } = options
  const { epochs: full, firstEpoch } = problem
  const budget = options.budget * full
  const known = new Map<number, { readonly scores: number[]; readonly times?: number[] | undefined }>()

  /** What is known of the training of a hyp, with these epochs in it. */
  const train = async (hyp: Hyp, epochs: readonly number[]): Promise<Training> => {
    const key = hypDigest(hyp)
    const before = known.get(key)
    const missing = [...new Set(epochs)].filter((epoch) => before?.scores[epoch] === undefined)
    if (before && missing.length === 0) return before
    const more = await problem.train(hyp, missing)
    const scores = before?.scores ?? []
    const times = more.times && (before?.times ?? [])
    for (const epoch of missing) {
      scores[epoch] = more.scores[epoch]
      if (times && more.times) times[epoch] = more.times[epoch]
    }
    known.set(key, { scores, times })
    return { scores, times }
  }

  const search: Search = await method.start({ space: problem.space, epochs: full, firstEpoch, workers, budget, seed })
  const running: Running[] = []
  const ended = new Map<number, { readonly job: Job; readonly epochs: number }>()
  const startTraining = await train(problem.space.start, [full])
  const steps: Step[] = [{ spent: 0, time: 0, regret: problem.regret(startTraining.scores[full]) }]
  let incumbent = { epochs: 0, score: -Infinity }
  let now = 0
  let begun = 0
  let billed = 0
  let spent = 0
  let fullTrainings = 0
  let done = false

  const begin = async (): Promise<boolean> => {
    const ask = await search.ask(
      begun,
      running.map(({ job }) => job),
    )
    if (ask === 'done') done = true
    if (ask === undefined || ask === 'done') return false
    const job: Job = { ...ask, number: begun++ }
    const paid = paidFor(job, ended, problem)
    const first = Math.max(paid + 1, firstEpoch)
    const looked = search.report === undefined ? [] : Array.from({ length: job.epochs - first }, (_, i) => first + i)
    const training = await train(job.hyp, [...(paid > 0 ? [paid] : []), ...looked, job.epochs, full])
    const random = new NumpyRandom([seed % 4294967296, job.number, 7])
    const surrogate = options.clock !== 'jitter' && training.times !== undefined
    const pace = surrogate ? 1 : random.uniform(0.7, 1.3)
    const noise = noiseOf(problem, random)
    running.push({
      job,
      training: surrogate ? training : { scores: training.scores },
      observed: (epoch) => training.scores[epoch] + noise(epoch),
      began: now,
      paid,
      pace,
      epoch: search.report === undefined ? job.epochs : first,
    })
    billed += job.epochs - paid
    return true
  }

  const finish = (each: Running, epochs: number, score: number): void => {
    running.splice(running.indexOf(each), 1)
    ended.set(each.job.number, { job: each.job, epochs })
    spent += (epochs - each.paid) / full
    billed -= each.job.epochs - epochs // a stopped training costs the epochs that it ran
    if (epochs === full) fullTrainings++
    if (epochs < incumbent.epochs || (epochs === incumbent.epochs && score <= incumbent.score)) return
    incumbent = { epochs, score }
    steps.push({ spent, time: now, regret: problem.regret(each.training.scores[full]) })
  }

  try {
    for (;;) {
      while (!done && running.length < workers && billed < budget - 1e-9) if (!(await begin())) break
      if (running.length === 0) {
        if (!done && billed < budget - 1e-9) throw new Error(`${method.name} waits although nothing runs`)
        break
      }
      const next = running.reduce((a, b) => (whenOf(b, full) < whenOf(a, full) ? b : a))
      const { job, epoch } = next
      now = Math.max(now, whenOf(next, full)) // a network's time may fall from one epoch to the next, the clock may not
      const score = next.observed(epoch)
      if (epoch >= job.epochs) {
        finish(next, job.epochs, score)
        await search.tell(job, score)
      } else if (await search.report?.(job, epoch, score)) {
        finish(next, epoch, score)
        await search.stopped?.(job, epoch, score)
      } else next.epoch++
    }
  } finally {
    await search.close?.()
  }
  return { steps, trainings: ended.size, full: fullTrainings, spent, time: now }
}

/** When the next thing happens to a training. */
function whenOf({ training, began, paid, pace, epoch }: Running, full: number): number {
  const { times } = training
  if (times === undefined) return began + (pace * (epoch - paid)) / full
  return began + Math.max(1e-6, times[epoch] - (paid > 0 ? times[paid] : 0))
}

function paidFor(job: Job, ended: ReadonlyMap<number, { job: Job; epochs: number }>, problem: Problem): number {
  const { epochs, hyp, continues } = job
  if (!Number.isInteger(epochs) || epochs < problem.firstEpoch || epochs > problem.epochs)
    throw new Error(`a training of ${epochs} epochs is none of ${problem.firstEpoch} to ${problem.epochs}`)
  if (continues === undefined) return 0
  const before = ended.get(continues)
  if (!problem.resumable) throw new Error(`trainings of ${problem.name} cannot go on where others ended`)
  if (!before || before.epochs >= epochs || hypDigest(before.job.hyp) !== hypDigest(hyp))
    throw new Error(`training ${job.number} cannot go on from ${continues}: not ended, another hyp, or not shorter`)
  return before.epochs
}

/** One draw for each epoch, whichever epochs are looked at. */
function noiseOf({ noise, epochs }: Problem, random: NumpyRandom): (epoch: number) => number {
  if (noise === undefined) return () => 0
  const draws = Array.from({ length: epochs + 1 }, () => random.normal())
  return (epoch) => noise(epoch) * draws[epoch]
}

/** The regret at a budget or a time: that of the last step up to there. */
export function regretAt(steps: readonly Step[], limit: number, by: 'spent' | 'time'): number {
  let regret = steps[0].regret
  for (const step of steps) if (step[by] <= limit + 1e-9) regret = step.regret
  return regret
}
