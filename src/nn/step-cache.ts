// Keeps training steps of several shapes alive within a memory budget.
import assert from 'node:assert/strict'
import type { TrainState } from './train-state.ts'
import type { TrainStep } from './train-step.ts'

export interface StepCacheOptions {
  /** Sessions are released, longest unused first, when together they take more (`TrainStep.bytes`). */
  readonly budgetBytes: number
}

/**
 * Training steps of one state by key, as structure, batch, height, width. The step that was asked for last always stays,
 * whatever it takes.
 */
export class StepCache {
  private readonly steps = new Map<string, TrainStep>()

  constructor(
    private readonly state: TrainState,
    private readonly options: StepCacheOptions,
  ) {}

  /** Number of steps held. */
  get size(): number {
    return this.steps.size
  }

  /** Bytes that the held steps take. */
  get bytes(): number {
    let sum = 0
    for (const step of this.steps.values()) sum += step.bytes
    return sum
  }

  /** The step of this key; made by `create` if it is not held. Not to be called again before it has resolved. */
  async get(key: string, create: () => Promise<TrainStep>): Promise<TrainStep> {
    let step = this.steps.get(key)
    if (step) this.steps.delete(key)
    else step = await create()
    assert.equal(step.state, this.state, 'a step cache holds the steps of one training state')
    // A Map keeps the order of insertion: first is longest unused.
    this.steps.set(key, step)
    for (const [oldest, candidate] of this.steps) {
      if (this.bytes <= this.options.budgetBytes || oldest === key) break
      this.steps.delete(oldest)
      await candidate.dispose()
    }
    return step
  }

  /** Releases all steps. */
  async dispose(): Promise<void> {
    const steps = [...this.steps.values()]
    this.steps.clear()
    for (const step of steps) await step.dispose()
  }
}
