// Slots on this machine: each has its own trainer, made when the slot is first used and kept for the trials after.
import type { Executor } from '../executor.ts'
import type { SlotResources, Trainer } from '../trainer.ts'

/**
 * @param slots - what each slot may use, see {@link planSlots}; jobs take the free slot with the lowest number
 * @param createTrainer - makes the trainer of a slot; called when the slot gets its first job
 */
export function localExecutor(
  slots: readonly SlotResources[],
  createTrainer: (slot: SlotResources) => Trainer,
): Executor {
  const trainers = new Map<SlotResources, Trainer>()
  const free = [...slots]
  const waiting: ((slot: SlotResources) => void)[] = []

  const acquire = async (): Promise<SlotResources> =>
    free.shift() ?? (await new Promise<SlotResources>((resolve) => waiting.push(resolve)))
  const release = (slot: SlotResources) => {
    const next = waiting.shift()
    if (next) return next(slot)
    free.push(slot)
    free.sort((a, b) => a.slot - b.slot)
  }

  return {
    name: 'local',
    slots,
    async run(job, listener, signal) {
      const slot = await acquire()
      try {
        if (signal.aborted) return { state: 'interrupted' }
        let trainer = trainers.get(slot)
        if (!trainer) trainers.set(slot, (trainer = createTrainer(slot)))
        listener.onStart?.(slot)
        return await trainer.train(job, (report) => listener.onEpoch?.(report), signal)
      } finally {
        release(slot)
      }
    },
    kill() {
      for (const trainer of trainers.values()) trainer.kill()
    },
    async close() {
      await Promise.all([...trainers.values()].map((trainer) => trainer.close()))
      trainers.clear()
    },
  }
}
