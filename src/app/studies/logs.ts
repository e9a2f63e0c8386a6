// `hypevolve logs`: prints the logs of trials, and follows them.
import { open, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Trial } from '../../search/index.ts'
import type { Storage, StudyOverview } from '../../study/index.ts'
import type { LogsFlags } from '../cli/logs.ts'
import { findStudy, withStudy } from './open.ts'
import { readAttempts, readTrials } from './read.ts'
import { studyFolder } from './settings.ts'
import { findTrial } from './show.ts'

/** How often a followed log is looked at, and how often the study. */
const fileMs = 300
const studyMs = 1000

/** @returns the exit code */
export const runLogs = (reference: { study?: string; trial?: number }, flags: LogsFlags): Promise<number> =>
  withStudy(reference.study, flags, async (storage, study) => {
    if (flags.follow && reference.trial === undefined) return followStudy(storage, study, flags)
    const trials = await readTrials(storage, study)
    const trial =
      reference.trial === undefined
        ? await latestTrial(storage, study, trials)
        : findTrial(trials, reference.trial, study)
    if (!trial) {
      console.error(`${study.name} has no trial yet.`)
      return 0
    }
    const log = await LogReader.open(study, trial.number, flags.lines)
    const found = await log.print('')
    if (!found && !flags.follow) console.error(`Trial ${trial.number} has written no log (${log.path}).`)
    return flags.follow ? followTrial(storage, study, trial.number, log) : 0
  })

/** Until the trial has ended, or waits while nobody works on the study. */
async function followTrial(storage: Storage, record: StudyOverview, number: number, log: LogReader): Promise<number> {
  const { Study } = await import('../../study/index.ts')
  const study = await Study.open(storage, record)
  for (;;) {
    await study.refresh()
    const state = study.history.get(number)?.state
    await log.print('')
    if (state !== 'running' && state !== 'waiting') return 0
    if (state === 'waiting' && (await workers(storage, record)) === 0) return 0
    await delay(fileMs)
  }
}

/** The trial that was begun last. */
async function latestTrial(
  storage: Storage,
  study: StudyOverview,
  trials: readonly Trial[],
): Promise<Trial | undefined> {
  const attempts = await readAttempts(storage, study)
  const begun = (trial: Trial) => attempts.get(trial.number)?.at(-1)?.startedAt ?? ''
  return trials.reduce<Trial | undefined>(
    (latest, trial) => (!latest || begun(trial) >= begun(latest) ? trial : latest),
    undefined,
  )
}

/** All trials in training, each line with its trial's number in front, until nobody works on the study. */
async function followStudy(storage: Storage, record: StudyOverview, flags: LogsFlags): Promise<number> {
  const { Study } = await import('../../study/index.ts')
  const study = await Study.open(storage, record)
  const logs = new Map<number, LogReader>()
  let endedBefore = study.history.ended.length
  let lookedAt = Number.NEGATIVE_INFINITY
  let idle = 0
  for (;;) {
    if (performance.now() - lookedAt >= studyMs) {
      lookedAt = performance.now()
      await study.refresh()
      idle = (await workers(storage, record)) === 0 ? idle + 1 : 0
    }
    const openTrials = study.history.open
    const running = openTrials.filter(({ state }) => state === 'running').map(({ number }) => number)
    // Short ones may have begun and ended since the last look.
    const ended = study.history.ended.slice(endedBefore).map(({ number }) => number)
    endedBefore = study.history.ended.length
    for (const number of [...ended, ...running]) {
      if (logs.has(number)) continue
      logs.set(number, await LogReader.open(record, number, flags.lines))
    }
    for (const [number, log] of logs) await log.print(`${number} | `)
    for (const number of logs.keys()) if (!openTrials.some((trial) => trial.number === number)) logs.delete(number)
    // Twice, so that what was written at the very end is printed.
    if (idle >= 2) {
      console.error(`Nobody works on ${record.name} now.`)
      return 0
    }
    await delay(fileMs)
  }
}

const workers = async (storage: Storage, study: StudyOverview) =>
  findStudy(await storage.studies(), study.name, storage.location).workers.length

/** Prints what a log has beyond what was printed before. */
class LogReader {
  readonly path: string
  #position: number
  #rest = ''
  readonly #decoder = new TextDecoder()

  private constructor(path: string, position: number) {
    this.path = path
    this.#position = position
  }

  /** @param lines - begin with the last so many lines of what is there; all if not given */
  static async open(study: StudyOverview, trial: number, lines: number | undefined): Promise<LogReader> {
    const { trialLog } = await import('../../run/index.ts')
    const path = trialLog(studyFolder(study), trial)
    return new LogReader(path, lines === undefined ? 0 : await startOfLast(path, lines))
  }

  /**
   * @param prefix - stands before each line; '' also prints lines that have no end yet
   * @returns whether there is a log
   */
  async print(prefix: string): Promise<boolean> {
    const info = await stat(this.path).catch(() => undefined)
    if (!info) return false
    if (info.size < this.#position) this.#position = 0 // begun anew
    if (info.size === this.#position) return true
    const file = await open(this.path)
    try {
      const buffer = Buffer.alloc(Math.min(info.size - this.#position, 1 << 20))
      const { bytesRead } = await file.read(buffer, 0, buffer.length, this.#position)
      this.#position += bytesRead
      this.#write(this.#decoder.decode(buffer.subarray(0, bytesRead), { stream: true }), prefix)
      if (bytesRead > 0 && this.#position < info.size) await this.print(prefix)
    } finally {
      await file.close()
    }
    return true
  }

  #write(text: string, prefix: string): void {
    if (prefix === '') {
      process.stdout.write(text)
      return
    }
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop()!
    for (const line of lines) console.log(prefix + line.slice(line.lastIndexOf('\r') + 1))
  }
}

/** Where the last so many lines of a file begin. */
async function startOfLast(path: string, lines: number): Promise<number> {
  const file = await open(path).catch(() => undefined)
  if (!file) return 0
  try {
    const { size } = await file.stat()
    const buffer = Buffer.alloc(64 * 1024)
    let found = 0
    for (let end = size; end > 0; ) {
      const begin = Math.max(0, end - buffer.length)
      await file.read(buffer, 0, end - begin, begin)
      for (let i = end - begin - 1; i >= 0; i--) {
        const endsFile = begin + i === size - 1
        if (buffer[i] === 10 && !endsFile && ++found >= lines) return begin + i + 1
        if (lines === 0) return size
      }
      end = begin
    }
    return 0
  } finally {
    await file.close()
  }
}
