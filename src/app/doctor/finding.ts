// What a check of `hypevolve doctor` answers.

/** One line of the report. `problem` makes doctor exit 1; a `note` is worth knowing. */
export interface Finding {
  readonly level: 'ok' | 'note' | 'problem'
  readonly topic: string
  readonly text: string
}

export const ok = (topic: string, text: string): Finding => ({ level: 'ok', topic, text })
export const note = (topic: string, text: string): Finding => ({ level: 'note', topic, text })
export const problem = (topic: string, text: string): Finding => ({ level: 'problem', topic, text })

/** The training that is planned, as far as it matters for the machine. */
export interface Plan {
  readonly cfg: string
  readonly imagePx: number
  readonly batchSize: number
  /** Folder of the runs; it need not exist. */
  readonly project: string
  /** A trainer of this machine, and where it is. */
  readonly trainer?: string | undefined
  readonly repo?: string | undefined
  readonly python?: string | undefined
  readonly module?: string | undefined
}

/** A check: it never throws, what it cannot find out is a note. */
export type Check = (plan: Plan) => Finding[] | Promise<Finding[]>
