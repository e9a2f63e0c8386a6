// One suite over every storage.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { TrialNotRunningError } from '../base/index.ts'
import { JournalStorage, MemoryStorage, type Storage } from './index.ts'

const folders: string[] = []
const open: Storage[] = []
const temporary = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hypevolve-'))
  folders.push(folder)
  return folder
}
afterEach(async () => {
  await Promise.all(open.splice(0).map((storage) => storage.close()))
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })))
})

const results = {
  precision: 0.1,
  recall: Number.NaN,
  mAP50: 0.3,
  mAP50to95: 0.2,
  boxLoss: 1,
  objLoss: 2,
  clsLoss: Infinity,
}
const definition = { seed: 3, keys: ['lr0', 'lrf'] }

const storages: Record<string, () => Promise<Storage>> = {
  memory: async () => new MemoryStorage(),
  journal: async () => JournalStorage.open(join(await temporary(), 'trials.jsonl')),
}

for (const [name, create] of Object.entries(storages))
  describe(`storage: ${name}`, () => {
    const begin = async () => {
      const storage = await create()
      open.push(storage)
      await storage.openStudy(definition)
      return storage
    }

    it('keeps the definition that the study began with', async () => {
      const storage = await begin()
      expect(await storage.openStudy({ seed: 9, keys: ['other'] })).toEqual(definition)
    })

    it('lists told trials in the order in which they were told', async () => {
      const storage = await begin()
      for (let i = 0; i < 4; i++) await storage.addTrial(i, { lr0: i, lrf: 0 }, i === 0 ? [] : [0])
      await storage.finishTrial(2, { fitness: 0.2, results })
      await storage.failTrial(0, ['out of memory'])
      await storage.releaseTrial(3)
      expect(await storage.trials()).toEqual([
        { state: 'finished', number: 2, hyp: { lr0: 2, lrf: 0 }, parents: [0], fitness: 0.2, results },
        { state: 'failed', number: 0, hyp: { lr0: 0, lrf: 0 }, parents: [], output: ['out of memory'] },
        { state: 'running', number: 1, hyp: { lr0: 1, lrf: 0 }, parents: [0] },
        { state: 'waiting', number: 3, hyp: { lr0: 3, lrf: 0 }, parents: [0] },
      ])
    })

    it('gives each waiting trial to one caller, oldest first', async () => {
      const storage = await begin()
      for (let i = 0; i < 3; i++) await storage.addTrial(i, { lr0: i, lrf: 0 }, [])
      await storage.releaseTrial(2)
      await storage.releaseTrial(1)
      const claimed = await Promise.all([1, 2, 3].map(() => storage.claimTrial()))
      expect(claimed.map((trial) => trial?.number)).toEqual([1, 2, undefined])
    })

    it('gives a number to one caller', async () => {
      const storage = await begin()
      const added = await Promise.all([1, 2].map((x) => storage.addTrial(0, { lr0: x, lrf: 0 }, [])))
      expect(added.map((trial) => trial?.hyp.lr0)).toEqual([1, undefined])
      expect(await storage.addTrial(5, { lr0: 1, lrf: 0 }, [])).toBeUndefined()
    })

    it('ends a trial once', async () => {
      const storage = await begin()
      await storage.addTrial(0, { lr0: 1, lrf: 0 }, [])
      await storage.finishTrial(0, { fitness: Number.NaN })
      await expect(storage.failTrial(0, ['late'])).rejects.toThrow(TrialNotRunningError)
      await expect(storage.finishTrial(0, { fitness: 1 })).rejects.toThrow('Trial 0 is finished')
      await expect(storage.releaseTrial(1)).rejects.toThrow('Trial 1 is unknown')
      expect(await storage.trials()).toEqual([
        { state: 'finished', number: 0, hyp: { lr0: 1, lrf: 0 }, parents: [], fitness: Number.NaN },
      ])
    })
  })

it('journal and memory agree after any sequence of steps, also after opening the journal again', async () => {
  const step = fc.record({
    do: fc.constantFrom('add', 'claim', 'finish', 'fail', 'release', 'reopen'),
    number: fc.nat(5),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const path = join(await temporary(), 'trials.jsonl')
      const memory = new MemoryStorage()
      let journal = await JournalStorage.open(path)
      const both = async (act: (storage: Storage) => Promise<unknown>) => {
        const outcomes = await Promise.all([memory, journal].map((s) => act(s).catch((error: Error) => error.message)))
        expect(outcomes[1]).toEqual(outcomes[0])
      }
      await both((storage) => storage.openStudy(definition))
      for (const { do: what, number } of steps) {
        if (what === 'add') await both((s) => s.addTrial(number, { lr0: number / 7, lrf: 1e-9 }, []))
        if (what === 'claim') await both((s) => s.claimTrial())
        if (what === 'finish') await both((s) => s.finishTrial(number, { fitness: number / 3, results }))
        if (what === 'fail') await both((s) => s.failTrial(number, [`failed \u2028 ${number}\n`]))
        if (what === 'release') await both((s) => s.releaseTrial(number))
        if (what === 'reopen') {
          await journal.close()
          journal = await JournalStorage.open(path)
          for (const trial of await memory.trials())
            if (trial.state === 'running') await memory.releaseTrial(trial.number)
        }
        expect(await journal.trials()).toEqual(await memory.trials())
      }
      await journal.close()
    }),
    { numRuns: 40 },
  )
})
