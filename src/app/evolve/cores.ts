// Shares the cores of this machine out among the processes that work on a study, as they come and go: the tutorial's
// shell loop starts four of them.
import { availableParallelism } from 'node:os'
import type { SlotResources } from '../../run/index.ts'
import type { Study } from '../../study/index.ts'

/** How often is looked who is there. */
const lookMs = 5000

export class CoreShare {
  /** Cores for the slots of this process if it is alone. */
  readonly total: number
  /** The user said how many threads: other processes change nothing. */
  readonly #fixed: boolean
  #others = 0
  #timer: NodeJS.Timeout | undefined

  /** @param threads - `--threads`; 0: as many as there are cores */
  constructor(threads: number) {
    this.#fixed = threads > 0
    this.total = this.#fixed ? threads : availableParallelism()
  }

  /** Other live processes of the study on this machine. */
  get otherProcesses(): number {
    return this.#others
  }

  /** Looks now, and from time to time until {@link stop}. */
  async watch(study: Study): Promise<void> {
    const { isAlive, thisWorker } = await import('../../study/index.ts')
    const self = thisWorker()
    const look = async () => {
      const workers = await study.workers()
      this.#others = workers.filter(
        (worker) =>
          worker.host === self.host &&
          (worker.pid !== self.pid || worker.startedAt !== self.startedAt) &&
          isAlive(worker, Date.now()),
      ).length
    }
    await look()
    this.#timer = setInterval(() => look().catch(() => {}), lookMs) // a look that fails is repeated soon
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The slots with threads that shrink and grow as other processes come and go; read when a training begins. */
  share(slots: readonly SlotResources[]): SlotResources[] {
    const threads = (own: number) => (this.#fixed ? own : Math.max(1, Math.floor(own / (1 + this.#others))))
    return slots.map(({ slot, device, threads: own }) => ({
      slot,
      device,
      get threads() {
        return threads(own)
      },
    }))
  }
}
