// Real trainings of the embedded trainer, each of them done once: what ended stands in a file, a line for each.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { loadHyp, type TrainOptions, trainDefaults } from '../../src/detect/index.ts'
import { type Executor, embeddedTrainers, localExecutor, type Outcome, type TrainJob } from '../../src/run/index.ts'
import {
  type Hyp,
  hypDigest,
  type Metrics,
  parseFitness,
  type SearchSpace,
  yolov5Space,
} from '../../src/search/index.ts'

/** What all trainings have in common. */
export interface Settings {
  readonly data: string
  readonly imagePx: number
  /** Of a full training. */
  readonly epochs: number
  readonly batchSize: number
  /** '' from scratch. */
  readonly weights: string
}

/** What they are called in the file: trainings with another name are others. */
export const nameOf = ({ imagePx, epochs, batchSize, weights }: Settings): string =>
  `yolov5n ${imagePx}px ${epochs}ep b${batchSize} ${weights === '' ? 'scratch' : basename(weights)}`

/** What a training was for: a trial of a search, or again with another seed. */
export type Purpose = { readonly run: string; readonly number: number } | { readonly again: true }

/** A line of the file. */
export interface Line {
  readonly settings: string
  /** Of a search: `method/seed`. */
  readonly run?: string
  /** Of the search's trial. */
  readonly number?: number
  /** In the order of the keys of the space. */
  readonly values: readonly number[]
  readonly epochs: number
  /** Of the training's random numbers. */
  readonly seed: number
  /** null: the training failed. */
  readonly fitness: number | null
  readonly mAP50?: number
  readonly mAP50to95?: number
  readonly failure?: string
  /** Seconds that it took; absent where it had been trained before. */
  readonly seconds?: number
}

/** The lines of a file as they are now: several processes may add to it. */
export function linesOf(file: string, settings: string): Line[] {
  if (!existsSync(file)) return []
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        const line = JSON.parse(text) as Line
        return line.settings === settings ? [line] : []
      } catch {
        return [] // the last line of a process that was killed
      }
    })
}

const fitness = parseFitness('yolov5')
const start = loadHyp('scratch-low').hyp

/** The space of YOLOv5's own evolution, around its default. */
export const space: SearchSpace = yolov5Space(start)

const identityOf = (hyp: Hyp, epochs: number, seed: number) => `${hypDigest(hyp)} ${epochs} ${seed}`

export class Trainings {
  readonly settings: Settings
  readonly file: string
  readonly #executor: Executor
  readonly #signal: AbortSignal

  /** @param signal - ends the training under way, which is then not told */
  constructor(settings: Settings, file: string, signal: AbortSignal) {
    this.settings = settings
    this.file = file
    this.#signal = signal
    const { anchors: _, ...base } = start
    const { data, imagePx, epochs, batchSize, weights } = settings
    const options: TrainOptions = {
      ...{ ...trainDefaults, data, cfg: weights === '' ? 'yolov5n.yaml' : '', weights, hyp: base, imagePx, batchSize },
      ...{ epochs, cache: 'ram', workers: 1, save: 'never', validate: 'last', plots: false, patience: 0 },
    }
    this.#executor = localExecutor([{ slot: 0, device: 'cpu', threads: 1 }], embeddedTrainers(options))
    mkdirSync(dirname(file), { recursive: true })
    if (existsSync(file) && !/(^|\n)$/.test(readFileSync(file, 'utf8'))) appendFileSync(file, '\n')
  }

  get lines(): Line[] {
    return linesOf(this.file, nameOf(this.settings))
  }

  /** What a training with this hyp, length and seed brought, whatever it was for; `undefined`: it was never trained. */
  known(hyp: Hyp, epochs: number, seed: number): Line | undefined {
    const wanted = identityOf(hyp, epochs, seed)
    return this.lines.find((line) => identityOf(space.toHyp(line.values), line.epochs, line.seed) === wanted)
  }

  /**
   * Trains, or takes what is known, and adds the line.
   *
   * @throws {@link Interrupted} if the signal ended it
   */
  async train(hyp: Hyp, epochs: number, seed: number, purpose: Purpose): Promise<Line> {
    const about = {
      settings: nameOf(this.settings),
      ...('run' in purpose ? { run: purpose.run, number: purpose.number } : {}),
      ...{ values: space.toValues(hyp) as number[], epochs, seed },
    }
    const before = this.known(hyp, epochs, seed)
    if (before) {
      if (!('run' in purpose)) return before
      const { seconds: _, ...result } = before
      return this.#add({ ...result, ...about })
    }
    const length = { epochs, full: this.settings.epochs }
    const began = performance.now()
    let outcome = await this.#attempt({ trial: 0, attempt: 1, hyp, seed, length })
    // A process that was killed, or stopped for long, says nothing of the hyp.
    if (outcome.state === 'failed' && outcome.failure !== 'diverged')
      outcome = await this.#attempt({ trial: 0, attempt: 2, hyp, seed, length })
    const seconds = Math.round((performance.now() - began) / 100) / 10
    if (outcome.state === 'failed') return this.#add({ ...about, fitness: null, failure: outcome.failure, seconds })
    const { metrics } = outcome
    const brought = fitness.evaluate(metrics)
    if (!Number.isFinite(brought)) return this.#add({ ...about, fitness: null, failure: 'diverged', seconds })
    return this.#add({ ...about, fitness: round(brought), ...measured(metrics), seconds })
  }

  async #attempt(job: TrainJob): Promise<Exclude<Outcome, { readonly state: 'interrupted' }>> {
    const outcome = await this.#executor.run(job, {}, this.#signal)
    if (outcome.state === 'interrupted') throw new Interrupted()
    return outcome
  }

  close(): Promise<void> {
    return this.#executor.close()
  }

  #add(line: Line): Line {
    appendFileSync(this.file, `${JSON.stringify(line)}\n`)
    return line
  }
}

/** The signal ended a training. */
export class Interrupted extends Error {}

const round = (value: number) => Number(value.toFixed(5))
const measured = ({ mAP50, mAP50to95 }: Metrics) => ({ mAP50: round(mAP50), mAP50to95: round(mAP50to95) })
