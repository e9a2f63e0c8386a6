// From rows and lines to epochs: what was measured is put together until an epoch is whole, and told once.
import type { Metrics } from '../../../search/index.ts'
import type { EpochReport } from '../../trainer.ts'

/** What a row, line or file said. */
export interface Measured {
  /** As the program counts; `undefined` if it does not say. */
  readonly epoch?: number | undefined
  /** In all. */
  readonly epochs?: number | undefined
  readonly metrics: Metrics
  /** Whether all is there that is expected of an epoch; otherwise more of the same epoch is waited for. */
  readonly whole: boolean
}

/** Puts what was measured together. Programs that count from 0 are found out by their first epoch. */
export class Epochs {
  readonly #onEpoch: (report: EpochReport) => void
  readonly #after: number
  #pending: { epoch: number; epochs: number | undefined; metrics: Metrics } | undefined
  /** Epoch 0 was seen: the program counts from 0, in all its files. */
  #fromZero = false
  #last: Metrics | undefined
  /** Highest epoch that was told, and highest that was there before. */
  #told = 0
  #old = 0
  /** What comes now was there before this training: it is no news. */
  old = false

  /** @param after - epochs up to this one are no news */
  constructor(onEpoch: (report: EpochReport) => void, after: number) {
    this.#onEpoch = onEpoch
    this.#after = after
  }

  /** The newest value of each metric: not every epoch measures all. */
  get metrics(): Metrics | undefined {
    return this.#last
  }

  add({ epoch, epochs, metrics, whole }: Measured): void {
    if (Object.keys(metrics).length > 0) this.#last = { ...this.#last, ...metrics }
    if (epoch === undefined || !Number.isSafeInteger(epoch) || epoch < 0) return
    this.#fromZero ||= epoch === 0
    const finished = this.#fromZero ? epoch + 1 : epoch
    if (this.#pending && this.#pending.epoch !== finished) this.end()
    // Who counts from 0 may mean the number of epochs or the last of them.
    const isTotal = !this.#fromZero && epochs !== undefined && Number.isSafeInteger(epochs) && epochs >= finished
    const total = isTotal ? epochs : undefined
    this.#pending = {
      epoch: finished,
      epochs: total ?? this.#pending?.epochs,
      metrics: { ...this.#pending?.metrics, ...metrics },
    }
    if (whole) this.end()
  }

  /** Nothing more comes of the epoch that was measured last. */
  end(): void {
    if (!this.#pending) return
    const { epoch, epochs, metrics } = this.#pending
    this.#pending = undefined
    if (epoch <= Math.max(this.#after, this.#told, this.#old)) return
    if (this.old) {
      this.#old = epoch
      return
    }
    this.#told = epoch
    this.#onEpoch({ epoch, ...(epochs !== undefined && { epochs }), metrics })
  }

  /** The file begins anew: what it said does not hold, what was told remains told. */
  restart(): void {
    this.#pending = undefined
    this.#last = undefined
    this.#old = 0
  }
}
