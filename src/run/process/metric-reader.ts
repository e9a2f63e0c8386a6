// Where a running program says what it measured: its output, or files that it writes.
import type { Metrics } from '../../search/index.ts'
import type { EpochReport } from '../trainer.ts'

/** Follows one training. Never throws for what the program wrote: what cannot be read is a {@link problem}. */
export interface MetricReader {
  /** A whole line of the program's output, without its end. */
  line?(text: string, stream: 'stdout' | 'stderr'): void
  /** Looks at the program's files; called again and again while it runs, and once after its end. */
  poll?(): Promise<void>
  /** The program has ended, all its output was given, its files were polled: nothing more comes. */
  end?(): void
  /** Metrics of the last complete report: the result of the training; `undefined` if there was none. */
  readonly metrics: Metrics | undefined
  /**
   * Grows with whatever was read from the program's files: while it does, the program is not silent. Not needed where
   * new metrics are always another object.
   */
  readonly progress?: number
  /** What the program did less than was asked for, by itself, as `with batch 32 instead of 64`. */
  readonly reduced?: string | undefined
  /** Why there are no metrics, in a sentence that says what was expected where; `undefined` if there are. */
  readonly problem: string | undefined
}

/** A kind of reader; called for each training. */
export type MetricSource = (training: {
  /** Folder that the program writes into, absolute. */
  readonly out: string
  /** To be called once per finished epoch, in order. */
  readonly onEpoch: (report: EpochReport) => void
  /** What an earlier attempt left there is not news: reports begin after this epoch; 0 for all. */
  readonly after: number
}) => MetricReader
