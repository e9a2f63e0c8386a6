// Slots on this machine: each has its own trainer, made when the slot is first used and kept for the trials after.
import type { Executor } from '../executor.ts'
import type { Trainer } from '../trainer.ts'

/**
 * @param slots - how many trainings at once
 * @param createTrainer - makes the trainer of a slot, 0 … slots-1; called when the slot gets its first job
 */
export function localExecutor(slots: number, createTrainer: (slot: number) => Trainer): Executor {
  const trainers = new Map<number, Trainer>()
  const free = Array.from({ length: slots }, (_, slot) => slot)
  const waiting: ((slot: number) => void)[] = []

  const acquire = async (): Promise<number> =>
    free.shift() ?? (await new Promise<number>((resolve) => waiting.push(resolve)))
  const release = (slot: number) => {
    const next = waiting.shift()
    if (next) next(slot)
    else free.unshift(slot)
  }

  return {
    name: 'local',
    slots,
    async run(job, onEpoch, signal) {
      const slot = await acquire()
      try {
        if (signal.aborted) return { state: 'interrupted' }
        let trainer = trainers.get(slot)
        if (!trainer) trainers.set(slot, (trainer = createTrainer(slot)))
        return await trainer.train(job, onEpoch, signal)
      } finally {
        release(slot)
      }
    },
    async close() {
      await Promise.all([...trainers.values()].map((trainer) => trainer.close()))
      trainers.clear()
    },
  }
}
