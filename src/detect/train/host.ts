// What the trainings of one process share: worker threads, data sets, decoded images, compiled sessions. A slot keeps one
// host for all trials of an evolution; `train` makes one for a single training.
import { ensureDataset, ensureWeights } from '../assets/index.ts'
import {
  createDataPool,
  createTrainLoader,
  createValLoader,
  type DataPool,
  type DataProgress,
  type Dataset,
  openDataset,
  readDatasetYaml,
  type Split,
  type TrainLoader,
  type TrainLoaderOptions,
  type ValLoader,
  type ValLoaderOptions,
} from '../data/index.ts'
import { ensureDigits } from '../digits/index.ts'
import type { ModelDefinition } from '../model/definition.ts'
import type { TrainEvent, TrainResult } from './events.ts'
import type { TrainOptions } from './options.ts'
import { type ProgramOptions, TrainProgram } from './program.ts'
import { Training } from './training.ts'

/** How a training talks to its caller. */
export interface TrainHooks {
  readonly onEvent?: (event: TrainEvent) => void
  /** Interrupts between two batches; what is needed to resume has been saved. */
  readonly signal?: AbortSignal
}

/** Where images come from and how they are kept. */
export interface DataOptions {
  readonly data: string
  readonly workers: number
  readonly singleCls: boolean
  readonly cache: TrainOptions['cache']
}

/** Compiled programs beyond the one in use may take so much. */
const programBudgetBytes = 1.5 * 2 ** 30

/** Resources of a process that trains, reused from one training to the next. One training at a time. */
export class TrainingHost {
  private readonly pools = new Map<number, DataPool>()
  private readonly datasets = new Map<string, Promise<Dataset>>()
  private readonly valLoaders = new Map<string, ValLoader>()
  /** By structure, longest unused first. */
  private readonly programs = new Map<string, TrainProgram>()

  /** Trains. @throws any {@link HypevolveError} that ends a training */
  async train(options: TrainOptions, hooks: TrainHooks = {}): Promise<TrainResult> {
    if (options.weights !== '' && options.resume === '') await ensureWeights(options.weights, hooks)
    return await new Training(this, options, hooks).run()
  }

  /** A split of a data set; read once. */
  dataset(options: DataOptions, split: Split, hooks: TrainHooks): Promise<Dataset> {
    const key = JSON.stringify([options.data, split, options.singleCls])
    let dataset = this.datasets.get(key)
    if (!dataset) {
      dataset = this.load(options, split, hooks)
      dataset.catch(() => this.datasets.delete(key))
      this.datasets.set(key, dataset)
    }
    return dataset
  }

  /** A loader for training batches; to be closed by the caller. */
  trainLoader(
    options: DataOptions,
    loader: Omit<TrainLoaderOptions, 'pool' | 'cache'>,
    hooks: TrainHooks,
  ): Promise<TrainLoader> {
    return createTrainLoader({ ...loader, pool: this.pool(options), cache: options.cache, ...listeners(hooks) })
  }

  /** A loader for validation, kept for the next time with all that it has decoded. */
  async valLoader(
    options: DataOptions,
    dataset: Dataset,
    sizes: Pick<ValLoaderOptions, 'imagePx' | 'batchSize' | 'stride' | 'rect' | 'pad' | 'keepBytes'>,
    hooks: TrainHooks,
  ): Promise<ValLoader> {
    const key = JSON.stringify([dataset.hash, dataset.names, sizes, options.workers, options.cache])
    let loader = this.valLoaders.get(key)
    if (!loader) {
      const pool = this.pool(options)
      loader = await createValLoader({ ...sizes, dataset, pool, cache: options.cache, ...listeners(hooks) })
      this.valLoaders.set(key, loader)
    }
    return loader
  }

  /**
   * The compiled program for a model. An evolution goes back and forth between a few (the number of anchors evolves), so
   * earlier ones stay as long as there is room.
   */
  async trainProgram(definition: ModelDefinition, options: ProgramOptions): Promise<TrainProgram> {
    const key = TrainProgram.key(definition, options)
    const program = this.programs.get(key) ?? new TrainProgram(definition, options)
    this.programs.delete(key)
    this.programs.set(key, program)
    let bytes = [...this.programs.values()].reduce((sum, candidate) => sum + candidate.bytes, 0)
    for (const [oldest, candidate] of this.programs) {
      if (bytes <= programBudgetBytes || oldest === key) break
      bytes -= candidate.bytes
      this.programs.delete(oldest)
      await candidate.dispose()
    }
    return program
  }

  /** Ends worker threads and sessions. */
  async close(): Promise<void> {
    for (const loader of this.valLoaders.values()) await loader.close()
    for (const pool of this.pools.values()) await pool.close()
    for (const program of this.programs.values()) await program.dispose()
    this.valLoaders.clear()
    this.pools.clear()
    this.datasets.clear()
    this.programs.clear()
  }

  private pool({ workers }: DataOptions): DataPool {
    let pool = this.pools.get(workers)
    if (!pool) {
      pool = createDataPool(workers)
      this.pools.set(workers, pool)
    }
    return pool
  }

  private async load(options: DataOptions, split: Split, hooks: TrainHooks): Promise<Dataset> {
    await ensureDataset(options.data, hooks)
    const file = options.data === 'digits' ? await ensureDigits() : options.data
    const definition = readDatasetYaml(file)
    const message = (level: 'info' | 'warning') => (text: string) => hooks.onEvent?.({ type: 'message', level, text })
    for (const note of definition.notes) message('info')(note)
    return openDataset({
      definition,
      split,
      pool: this.pool(options),
      singleClass: options.singleCls,
      ...listeners(hooks),
    })
  }
}

/** One training by itself. */
export async function train(options: TrainOptions, hooks: TrainHooks = {}): Promise<TrainResult> {
  const host = new TrainingHost()
  try {
    return await host.train(options, hooks)
  } finally {
    await host.close()
  }
}

function listeners({ onEvent, signal }: TrainHooks) {
  return {
    ...(signal && { signal }),
    onProgress: ({ phase, done, total, imagesPerSecond }: DataProgress) =>
      onEvent?.({ type: 'stage', stage: phase, done, total, perSecond: imagesPerSecond }),
    onNote: (text: string) => onEvent?.({ type: 'message', level: 'warning', text }),
  }
}
