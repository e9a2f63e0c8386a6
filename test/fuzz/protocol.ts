// What the process that reads inputs (child.ts) tells the one that watches it (fuzz.ts), a line of JSON each.

/** Inputs `from` to `to` (not included) of a target. */
export interface Job {
  readonly target: string
  readonly from: number
  readonly to: number
}

/** What the child is started with. */
export interface Assignment {
  readonly seed: number
  /** An empty folder for the targets. */
  readonly folder: string
  readonly jobs: readonly Job[]
  /** The only input of the only job, in place of those that the seed gives. */
  readonly input?: string
}

export type Report =
  /** The valid inputs have been read. */
  | { readonly type: 'ready'; readonly target: string }
  | { readonly type: 'begin'; readonly target: string; readonly index: number }
  | {
      readonly type: 'end'
      /** Code of the error that refused it; undefined: it was accepted. */
      readonly code?: string
      /** Anything but an answer or a typed error. */
      readonly fault?: string
      /** Processor time, of all threads. */
      readonly cpuMs: number
      /** By how much the process grew at most meanwhile. */
      readonly grownBytes: number
    }

/** Descriptor that the lines are written to. */
export const reportDescriptor = 3
