// Which trials keep what their training left: weights/ and what a command wrote to its {out}. Logs and hyps always stay.
// Only the study decides, and a trial that is once out of the best stays out: so cooperating processes may each delete
// what they see, and nothing that counts is lost if they see it late.
import { access, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { UsageError } from '../base/index.ts'
import type { EndedTrial, History } from '../search/index.ts'
import type { Study } from '../study/index.ts'
import { largeFolders, trialFolder, trialsFolder } from './trial-folder.ts'

/** `none` keeps nothing, `last` the latest complete trial, `best` the fittest `count`, `all` every trial. */
export type KeepPolicy = (
  | { readonly kind: 'none' | 'last' | 'all' }
  | { readonly kind: 'best'; readonly count: number }
) & {
  /**
   * Numbers of complete trials that are kept besides; asked anew whenever something ends. What `last` and `best` need not
   * be told: trials that are confirmed by others stay until the study is finished.
   */
  readonly protect?: (history: History) => readonly number[]
}

/**
 * Reads `--keep`: `none`, `last`, `best`, `best:3`, `all`.
 *
 * @throws {@link UsageError}
 */
export function parseKeep(text: string): KeepPolicy {
  if (text === 'none' || text === 'last' || text === 'all') return { kind: text }
  const [, count = '1'] = /^best(?::(\d{1,6}))?$/.exec(text) ?? [undefined, '0']
  if (Number(count) >= 1) return { kind: 'best', count: Number(count) }
  throw new UsageError(`--keep ${text}: give none, last, best, best:<count> or all.`)
}

/** How many trials that just fell out are looked at; {@link Keeper.sweep} finds the others. */
const lookBehind = 4

export class Keeper {
  readonly #study: Study
  readonly #folder: string
  readonly #policy: KeepPolicy

  /** @param folder - of the study */
  constructor(study: Study, folder: string, policy: KeepPolicy) {
    this.#study = study
    this.#folder = folder
    this.#policy = policy
  }

  /** After a trial ended: notes what it keeps, and deletes what is not kept any more. */
  async ended(trial: EndedTrial): Promise<void> {
    if (this.#policy.kind === 'all') return this.#note(trial)
    const { kept, out } = this.#split(lookBehind)
    const isKept = kept.has(trial.number)
    if (isKept) await this.#note(trial)
    for (const number of isKept ? out : [...out, trial.number]) await this.#delete(number)
  }

  /** Looks at the folders of all trials, also those that other processes or a crash left. Called at start and end. */
  async sweep(): Promise<void> {
    if (this.#policy.kind === 'all') return
    const { history } = this.#study
    const { kept } = this.#split(0)
    const names = await readdir(trialsFolder(this.#folder)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [] as string[]
      throw error
    })
    for (const number of names.filter((name) => /^\d+$/.test(name)).map(Number)) {
      const state = history.get(number)?.state
      const ended = state === 'complete' || state === 'pruned' || state === 'failed'
      if (ended && !kept.has(number)) await this.#delete(number)
    }
  }

  /** Numbers that are kept, and of the next `behind` that would be kept after them those that are not. */
  #split(behind: number): { kept: ReadonlySet<number>; out: readonly number[] } {
    const { history, isFinished } = this.#study
    const { kind, protect } = this.#policy
    const { kept, out } = split(history, this.#policy, behind)
    const confirmed = kind === 'none' || isFinished ? [] : [...history.repeats, ...history.open]
    const all = new Set([...kept, ...(protect?.(history) ?? []), ...confirmed.flatMap(({ repeats }) => repeats ?? [])])
    return { kept: all, out: out.filter((number) => !all.has(number)) }
  }

  async #note(trial: EndedTrial): Promise<void> {
    if (trial.state !== 'complete') return
    for (const name of largeFolders) {
      const path = join(trialFolder(this.#folder, trial.number), name)
      if (await exists(path)) await this.#study.addArtifact(trial, name === 'out' ? 'output' : name, path)
    }
  }

  async #delete(number: number): Promise<void> {
    for (const name of largeFolders) {
      const path = join(trialFolder(this.#folder, number), name)
      if (!(await exists(path))) continue
      await rm(path, { recursive: true, force: true })
      await this.#study.removeArtifact(number, path)
    }
  }
}

/** By the policy alone: numbers that are kept, and the next `behind` that would be kept after them. */
function split(history: History, policy: KeepPolicy, behind: number): { kept: Set<number>; out: number[] } {
  const numbers = (trials: readonly { readonly number: number }[]) => trials.map(({ number }) => number)
  if (policy.kind === 'best') {
    const ranked = numbers(history.fittest(policy.count + behind))
    return { kept: new Set(ranked.slice(0, policy.count)), out: ranked.slice(policy.count) }
  }
  const count = policy.kind === 'last' ? 1 : 0
  const { complete } = history
  const latest = numbers(complete.slice(Math.max(0, complete.length - count - behind))).reverse()
  return { kept: new Set(latest.slice(0, count)), out: latest.slice(count) }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  )
