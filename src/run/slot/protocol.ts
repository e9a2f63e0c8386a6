// What a slot process and its parent tell each other over the fork's channel (structured clone).
import type { TrainEvent, TrainOptions, TrainResult } from '../../detect/index.ts'

/** Parent to child. */
export type ToSlot =
  | { readonly type: 'train'; readonly options: TrainOptions; readonly title: string }
  | { readonly type: 'abort' }
  | { readonly type: 'exit' }

/** Child to parent. */
export type FromSlot =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: TrainEvent }
  | { readonly type: 'finished'; readonly result: TrainResult; readonly memoryBytes: number }
  | { readonly type: 'failed'; readonly failure: SlotFailure; readonly memoryBytes: number }

/** An error that crossed the process boundary: `code` is set if it was one of ours. */
export interface SlotFailure {
  readonly code?: string
  readonly message: string
  readonly stack?: string
}
