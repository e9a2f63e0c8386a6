import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../test/helpers/data-set.ts'
import { isRunning, until } from '../../../test/helpers/processes.ts'
import { compiledEntry, SlotCrashedError, SlotHungError, TrainingFailedError } from '../../base/index.ts'
import { loadHyp, type TrainEvent, type TrainOptions, trainDefaults } from '../../detect/index.ts'
import { Slot, type SlotOptions } from './index.ts'

const options = async (more: Partial<TrainOptions> = {}): Promise<TrainOptions> => ({
  ...trainDefaults,
  data: await writeDataset(temporaryFolder()),
  cfg: 'yolov5n.yaml',
  hyp: loadHyp('scratch-low').hyp,
  imagePx: 32,
  batchSize: 4,
  epochs: 1,
  workers: 0,
  threads: 1,
  plots: false,
  ...more,
})

function openSlot(guards?: SlotOptions): Slot {
  const slot = new Slot(guards)
  onTestFinished(() => slot.close())
  return slot
}

it('trains, tells what happens, and keeps its process for the next training', async () => {
  const slot = openSlot()
  const events: TrainEvent['type'][] = []
  const first = await slot.train(await options(), (event) => events.push(event.type))
  const { pid } = slot
  const second = await slot.train(await options({ epochs: 2 }), () => {})
  expect([first.ended, first.epochs, second.epochs]).toEqual(['finished', 1, 2])
  expect(events).toContain('start')
  expect(events.filter((type) => type === 'epoch')).toHaveLength(1)
  expect(slot.pid).toBe(pid)
})

it('replaces its process after a training that left it too large', async () => {
  const slot = openSlot({ memoryBytes: 1 })
  await slot.train(await options(), () => {})
  expect(slot.pid).toBeUndefined()
  expect((await slot.train(await options(), () => {})).ended).toBe('finished')
})

it('hands over the error that ended a training, and lives on', async () => {
  const slot = openSlot()
  const error = await slot.train(await options({ data: 'no/such.yaml' }), () => {}).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(TrainingFailedError)
  expect(error).toMatchObject({ code: 'DATASET_FILE_INVALID', message: expect.stringContaining('no/such.yaml') })
  expect((await slot.train(await options(), () => {})).ended).toBe('finished')
})

it('survives the death of its process', async () => {
  const slot = openSlot()
  const kill = ({ type }: TrainEvent) => type === 'batch' && process.kill(slot.pid!, 'SIGKILL')
  const error = await slot.train(await options({ epochs: 1000 }), kill).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(SlotCrashedError)
  expect(error).toMatchObject({ signal: 'SIGKILL', message: expect.stringContaining('memory') })
  expect((await slot.train(await options(), () => {})).ended).toBe('finished')
})

it('kills a process that has fallen silent', async () => {
  const slot = openSlot({ silenceMs: 8000 })
  const stop = ({ type }: TrainEvent) => type === 'batch' && process.kill(slot.pid!, 'SIGSTOP')
  await expect(slot.train(await options({ epochs: 1000 }), stop)).rejects.toThrow(SlotHungError)
})

it('interrupts between two batches', async () => {
  const slot = openSlot()
  const abort = new AbortController()
  const saveDir = temporaryFolder()
  const listen = (event: TrainEvent) => event.type === 'batch' && event.epoch === 1 && abort.abort()
  const result = await slot.train(await options({ epochs: 1000, saveDir }), listen, abort.signal)
  expect(result).toMatchObject({ ended: 'interrupted', epochs: expect.any(Number) })
  expect(result.epochs).toBeGreaterThanOrEqual(1)
  expect(result.epochs).toBeLessThan(1000)
})

it.each([
  ['leaves', ''],
  ['is killed, if it hangs,', `process.kill(slot.pid, 'SIGSTOP')`],
])('a process whose parent was killed %s by itself', async (_, before) => {
  const file = writeText(
    join(temporaryFolder(), 'parent.mjs'),
    `import { Slot } from ${JSON.stringify(compiledEntry('./index.js', import.meta.url).href)}
     const slot = new Slot()
     let told = false
     slot.train(${JSON.stringify(await options({ epochs: 100_000 }))}, ({ type }) => {
       if (type !== 'batch' || told) return
       told = true
       ${before}
       console.log(slot.pid)
     })`,
  )
  const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void parent.kill('SIGKILL'))
  const [pid] = await new Promise<number[]>((resolve) => parent.stdout.once('data', (text) => resolve([Number(text)])))
  expect(isRunning(pid!)).toBe(true)
  parent.kill('SIGKILL')
  await until(() => !isRunning(pid!), 30_000)
})
