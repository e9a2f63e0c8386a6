import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeDataset } from '../../../test/helpers/data-set.ts'
import { isRunning, until } from '../../../test/helpers/processes.ts'
import { TrainingFailedError } from '../../base/index.ts'
import {
  loadHyp,
  readCheckpointOptions,
  type TrainEvent,
  TrainingHost,
  type TrainOptions,
  trainDefaults,
} from '../../detect/index.ts'
import type { EpochReport, SlotResources, TrainJob } from '../index.ts'
import { hypForLength } from '../length.ts'
import { type EmbeddedOptions, embeddedTrainers, embeddedTraits } from './embedded.ts'

const { hyp } = loadHyp('scratch-low')
const slot: SlotResources = { slot: 1, device: 'cpu', threads: 1 }
const never = new AbortController().signal

const optionsFor = async (more: Partial<TrainOptions> = {}): Promise<TrainOptions> => ({
  ...trainDefaults,
  data: await writeDataset(temporaryFolder()),
  cfg: 'yolov5n.yaml',
  hyp,
  imagePx: 32,
  batchSize: 4,
  epochs: 4,
  workers: 1,
  plots: false,
  validate: 'last',
  patience: 0,
  checkpointSeconds: 0,
  ...more,
})

const open = (options: TrainOptions, more: EmbeddedOptions = {}) => {
  const trainer = embeddedTrainers(options, more)(slot)
  onTestFinished(() => trainer.close())
  return trainer
}

function newJob(more: Partial<TrainJob> = {}): TrainJob & { directory: string } {
  const directory = join(temporaryFolder(), 'trials', '3')
  mkdirSync(directory, { recursive: true })
  return { trial: 3, attempt: 1, hyp, seed: 3, title: 'exp2 trial 3', directory, ...more }
}

const log = ({ directory }: { directory: string }) => readFileSync(join(directory, 'train.log'), 'utf8')

describe('embedded trainer', () => {
  it('trains with the hyp of the job and tells what it measured', async () => {
    const options = await optionsFor()
    const events: string[] = []
    const trainer = open(options, { onEvent: (trial, { type }, { slot }) => events.push(`${trial} ${type} ${slot}`) })
    const reports: EpochReport[] = []
    const job = newJob()
    const outcome = await trainer.train(job, (report) => reports.push(report), never)
    if (outcome.state !== 'complete') throw new Error(JSON.stringify(outcome))
    expect(Object.keys(outcome.metrics)).toEqual(
      expect.arrayContaining(['precision', 'recall', 'mAP50', 'mAP50to95', 'f1', 'boxLoss', 'objLoss', 'clsLoss']),
    )
    expect(Object.keys(outcome.metrics)).toEqual(expect.arrayContaining(['mAP50/a', 'mAP50to95/b', 'recall/b']))
    expect(Object.values(outcome.metrics).every(Number.isFinite)).toBe(true)
    expect(reports.map(({ epoch, epochs }) => [epoch, epochs])).toEqual([1, 2, 3, 4].map((epoch) => [epoch, 4]))
    expect(reports[0]!.metrics).toHaveProperty('trainBoxLoss')
    expect(reports[0]!.metrics).not.toHaveProperty('mAP50')
    expect(reports[3]!.metrics).toMatchObject({ mAP50: outcome.metrics['mAP50'] })
    expect(events).toContain('3 start 1')
    expect(log(job)).toMatch(/attempt 1\n[\s\S]*epoch 1\/4 {2}box \d.*\n[\s\S]*epoch 4\/4 .*mAP50 0\.\d+/)
    expect(existsSync(join(job.directory, 'weights', 'last.safetensors'))).toBe(true)
    expect(existsSync(join(job.directory, 'weights', 'best.safetensors'))).toBe(false)
    expect(readFileSync(join(job.directory, 'results.csv'), 'utf8').trim().split('\n')).toHaveLength(5)

    // The seed of the job counts, and the process is kept.
    const { pid } = trainer
    const again = await trainer.train(newJob(), () => {}, never)
    const other = await trainer.train(newJob({ seed: 4 }), () => {}, never)
    expect(again).toEqual(outcome)
    expect(other).not.toEqual(outcome)
    expect(trainer.pid).toBe(pid)
    expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/^hypevolve slot 1: (exp2 trial 3|idle)/)
  })

  it('goes on from the checkpoint of an interrupted attempt, and ends as if nothing had been', async () => {
    const options = await optionsFor({ batchSize: 2 })
    const whole = await open(options).train(newJob(), () => {}, never)
    const job = newJob()

    const stop = new AbortController()
    const first = open(options)
    const interrupted = await first.train(job, ({ epoch }) => epoch === 2 && stop.abort(), stop.signal)
    expect(interrupted).toEqual({ state: 'interrupted' })
    expect(log(job)).toMatch(/interrupted\n$/)

    // And again, this time killed with its process, as by a power cut.
    const killed = open(options)
    const lost = killed.train({ ...job, attempt: 2 }, ({ epoch }) => epoch === 3 && killed.kill(), never)
    expect(await lost).toMatchObject({ state: 'failed', failure: 'out-of-memory' })

    const epochs: number[] = []
    const outcome = await open(options).train({ ...job, attempt: 3 }, ({ epoch }) => epochs.push(epoch), never)
    expect(outcome).toEqual(whole)
    expect([[4], [3, 4]]).toContainEqual(epochs) // its last checkpoint may not have been written
    expect(log(job)).toContain('going on from')
    expect(readFileSync(join(job.directory, 'results.csv'), 'utf8').trim().split('\n')).toHaveLength(5)
  })

  it('begins anew if what lies there is of another training, ended, or damaged', async () => {
    const options = await optionsFor({ epochs: 3 })
    const trainer = open(options)
    const stop = new AbortController()
    const job = newJob()
    await trainer.train(job, () => stop.abort(), stop.signal)
    const epochs: number[] = []
    const count = ({ epoch }: EpochReport) => epochs.push(epoch)
    const other = { ...job, hyp: { ...hyp, lr0: 0.02 } }
    expect(await trainer.train(other, count, never)).toEqual({ state: 'complete', metrics: expect.anything() })
    expect(await trainer.train(other, count, never)).toEqual({ state: 'complete', metrics: expect.anything() })
    copyFileSync(join(job.directory, 'train.log'), join(job.directory, 'weights', 'last.safetensors'))
    expect(await trainer.train(other, count, never)).toEqual({ state: 'complete', metrics: expect.anything() })
    expect(epochs).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3])
    expect(readFileSync(join(job.directory, 'results.csv'), 'utf8').trim().split('\n')).toHaveLength(4)
  })

  it('rejects if no trial could be trained, else the trial failed', async () => {
    const broken = open(await optionsFor({ data: 'no/such.yaml' }))
    await expect(broken.train(newJob(), () => {}, never)).rejects.toThrow(TrainingFailedError)
    await expect(broken.train(newJob(), () => {}, never)).rejects.toThrow('no/such.yaml')

    const trainer = open(await optionsFor({ epochs: 1 }))
    expect((await trainer.train(newJob(), () => {}, never)).state).toBe('complete')
    const job = newJob({ hyp: { ...hyp, lr0: 1e30, warmup_bias_lr: 1e30 } })
    const diverged = await trainer.train(job, () => {}, never)
    expect(diverged).toMatchObject({ state: 'failed', failure: 'diverged' })
    expect(log(job)).toContain('failed (diverged): The loss became NaN')
  })

  it('ends a training whose time is over, or that hangs, and trains on with a new process', async () => {
    const options = await optionsFor({ epochs: 100_000 })
    const late = open(options, { timeoutMs: 2500 })
    expect(await late.train(newJob(), () => {}, never)).toMatchObject({ state: 'failed', failure: 'time-out' })

    const stopped = { pid: 0 }
    const hung = open(options, {
      silenceMs: 8000,
      onEvent: (_trial, event: TrainEvent) => {
        if (event.type !== 'batch' || stopped.pid > 0) return
        stopped.pid = hung.pid!
        process.kill(stopped.pid, 'SIGSTOP')
      },
    })
    expect(await hung.train(newJob(), () => {}, never)).toMatchObject({ state: 'failed', failure: 'hang' })
    await until(() => !isRunning(stopped.pid))
    const stop = new AbortController()
    expect(await hung.train(newJob(), () => stop.abort(), stop.signal)).toEqual({ state: 'interrupted' })
  })

  it('stops a process that takes too much memory', async () => {
    const trainer = open(await optionsFor(), { limitBytes: 1 })
    const outcome = await trainer.train(newJob(), () => {}, never)
    expect(outcome).toMatchObject({ state: 'failed', failure: 'out-of-memory' })
  })
})

describe('a training of another length', () => {
  it('has its own epochs, in the same process', async () => {
    const trainer = open(await optionsFor({ epochs: 6 }))
    const train = async (length?: TrainJob['length']) => {
      const reports: EpochReport[] = []
      const job = newJob(length && { length })
      const outcome = await trainer.train(job, (report) => reports.push(report), never)
      const rows = readFileSync(join(job.directory, 'results.csv'), 'utf8').trim().split('\n')
      return { state: outcome.state, reports: reports.map(({ epoch, epochs }) => [epoch, epochs]), rows }
    }
    const full = await train({ epochs: 6, full: 6 })
    const { pid } = trainer
    const short = await train({ epochs: 2, full: 6 })
    expect(short).toMatchObject({ state: 'complete', reports: [1, 2].map((epoch) => [epoch, 2]) })
    expect(short.rows).toHaveLength(1 + 2)
    // Its learning rates come down faster.
    expect(short.rows[2]).not.toBe(full.rows[2])
    expect(await train()).toEqual(full)
    expect(trainer.pid).toBe(pid)
  })

  it('has a warm-up in proportion, and goes on after an interruption', async () => {
    const options = await optionsFor({ epochs: 9, batchSize: 2 })
    const job = newJob({ hyp: { ...hyp, warmup_epochs: 3 }, length: { epochs: 3, full: 9 } })
    const stop = new AbortController()
    await open(options).train(job, ({ epoch }) => epoch === 2 && stop.abort(), stop.signal)
    const saved = readCheckpointOptions(join(job.directory, 'weights', 'last.safetensors'))
    expect([saved.epochs, saved.hyp['warmup_epochs'], saved.hyp['lr0']]).toEqual([3, 1, hyp['lr0']])
    const epochs: number[] = []
    const outcome = await open(options).train({ ...job, attempt: 2 }, ({ epoch }) => epochs.push(epoch), never)
    expect(outcome).toMatchObject({ state: 'complete' })
    expect(epochs.at(-1)).toBe(3)
    expect(log(job)).toContain('going on from')
  })

  it('shares sessions with all others', async () => {
    const host = new TrainingHost()
    onTestFinished(() => host.close())
    const programs = new Set<unknown>()
    const trainProgram = host.trainProgram.bind(host)
    host.trainProgram = async (...words) => {
      const program = await trainProgram(...words)
      programs.add(program)
      return program
    }
    const options = await optionsFor({ epochs: 3 })
    for (const epochs of [3, 1, 2]) {
      const sized = hypForLength(options.hyp, { epochs, full: 3 })
      expect(await host.train({ ...options, epochs, hyp: sized })).toMatchObject({ epochs, ended: 'finished' })
    }
    expect(programs.size).toBe(1)
  })

  it('is something that it can do', () => {
    const traits = embeddedTraits({ hyp: { ...hyp, warmup_epochs: 4 } })
    expect(traits).toMatchObject({ anyLength: true, seeded: true })
    expect([traits.warmupEpochs({}), traits.warmupEpochs({ warmup_epochs: 0 })]).toEqual([4, 0])
    expect(embeddedTraits({ hyp: { giou: 3.54, lr0: 0.01 } }).warmupEpochs({})).toBe(3)
  })
})
