// A study in one file that only grows: one event per line, on the disk before it counts. Torn by a crash, the last line
// is cut off; read by two processes at once, the second is refused.
import { readFile } from 'node:fs/promises'
import { JournalError } from '../base/index.ts'
import { DurableFile, syncFolder } from './durable-file.ts'
import { EventStorage } from './event-storage.ts'
import { acquireLock, type Lock } from './lock.ts'
import { eventLine, type StudyEvent, StudyState, studyEvent } from './study-state.ts'

/** Enough for the line of a finished or failed trial. */
const reserveBytes = 16 * 1024

export class JournalStorage extends EventStorage {
  readonly #file: DurableFile
  readonly #lock: Lock

  private constructor(file: DurableFile, lock: Lock, state: StudyState, now: () => Date) {
    super(now, state)
    this.#file = file
    this.#lock = lock
  }

  /**
   * Opens or creates the journal and locks it. Trials that were in training when the last writer ended wait again.
   *
   * @param now - the clock; events are stamped with it
   * @throws {@link StudyLockedError} if another process works with it
   * @throws {@link JournalError} if it cannot be read
   * @throws {@link StudyWriteError} if it cannot be written
   */
  static async open(path: string, now = () => new Date()): Promise<JournalStorage> {
    const lock = await acquireLock(`${path}.lock`)
    try {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return ''
        throw error
      })
      const { state, usedText } = readJournal(text, path)
      const file = await DurableFile.open(path, Buffer.byteLength(usedText))
      if (text === '') await syncFolder(path)
      const storage = new JournalStorage(file, lock, state, now)
      for (const { number } of state.running()) await storage.releaseTrial(number)
      return storage
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  protected override async keep(event: StudyEvent): Promise<void> {
    // The result of a training must find room on the disk: it is kept before the training starts.
    if (event.event === 'added' || event.event === 'claimed') await this.#file.reserve(reserveBytes)
    await this.#file.append(eventLine(event))
  }

  override close(): Promise<void> {
    return this.inTurn(async () => {
      await this.#file.close()
      await this.#lock.release()
    })
  }
}

/** @returns the state and the text up to the last whole line */
function readJournal(text: string, path: string): { state: StudyState; usedText: string } {
  const usedText = text.slice(0, text.lastIndexOf('\n') + 1)
  const state = new StudyState()
  usedText.split('\n').forEach((line, i) => {
    if (line === '') return
    try {
      state.apply(studyEvent.parse(JSON.parse(line)))
    } catch (cause) {
      const problem = cause instanceof SyntaxError ? 'it is not json' : describe(cause)
      throw new JournalError(path, i + 1, problem, { cause })
    }
  })
  return { state, usedText }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  const issues = (cause as { issues?: { path: PropertyKey[]; message: string }[] }).issues // of zod
  return issues ? issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ') : cause.message
}
