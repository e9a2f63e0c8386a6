// `hypevolve stop`: asks the processes of a study to stop, and waits a moment to see them go.
import { setTimeout as delay } from 'node:timers/promises'
import type { StorageFlags } from '../cli/study-flags.ts'
import { counted } from '../console/text.ts'
import { findStudy, withStudy } from './open.ts'

/** As long it waits before it leaves them to themselves. */
const patienceMs = 20_000

/** @returns the exit code */
export const runStop = (name: string | undefined, flags: StorageFlags): Promise<number> =>
  withStudy(name, flags, async (storage, study) => {
    if (study.workers.length === 0) {
      console.log(`Nobody works on ${study.name}.`)
      return 0
    }
    await storage.setStopping(study.id, true)
    console.log(`Asked ${counted(study.workers.length, 'process', 'processes')} of ${study.name} to save and end.`)
    const began = performance.now()
    while (performance.now() - began < patienceMs) {
      await delay(500)
      const now = findStudy(await storage.studies(), study.name, storage.location)
      if (now.workers.length > 0) continue
      console.log(`All have ended. Go on with: hypevolve resume ${study.name}`)
      return 0
    }
    console.log('They are still saving; hypevolve status tells when they are gone.')
    return 0
  })
