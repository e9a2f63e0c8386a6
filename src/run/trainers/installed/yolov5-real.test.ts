// The real YOLOv5 7.0.14 of .peers (npm run setup-peers), trained through plan and reader: a few small images, two threads.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it, vi } from 'vitest'
import { temporaryFolder, writeDataset, writeText } from '../../../../test/helpers/data-set.ts'
import { describeWith } from '../../../../test/helpers/peers.ts'
import { parseHyp } from '../../../search/index.ts'
import { type ProcessGroup, TrialLog, trainProcess } from '../../process/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { installedTrainer } from './trainer.ts'
import type { InstalledTraining, ProcessPlan } from './types.ts'
import { yolov5 } from './yolov5.ts'

const python = fileURLToPath(new URL('../../../../.peers/venv/bin/python', import.meta.url))
const there = existsSync(python)

afterEach(() => vi.unstubAllEnvs())

/** One level, a few thousand weights. */
const model = `nc: 2
depth_multiple: 1.0
width_multiple: 1.0
anchors:
  - [10, 13, 16, 30, 33, 23]
backbone:
  - [-1, 1, Conv, [8, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
  - [-1, 1, Conv, [16, 3, 2]]
head:
  - [[2], 1, Detect, [nc, anchors]]
`

async function project() {
  const folder = temporaryFolder()
  await writeDataset(folder, 8, 4)
  const data = writeText(
    join(folder, 'd.yaml'),
    `path: ${folder}\ntrain: images/train\nval: images/val\nnames: [a, b]\n`,
  )
  const cfg = writeText(join(folder, 'tiny.yaml'), model)
  // It looks whether the font of its pictures is there; it draws none.
  for (const font of ['Arial.ttf', 'Arial.Unicode.ttf']) writeText(join(folder, 'config', font), '')
  const training = (epochs: number): InstalledTraining => ({
    flags: { data, cfg, weights: '', epochs, 'batch-size': 4, imgsz: 64, workers: 0 },
    passThrough: ['--patience', '50'],
  })
  const directory = join(folder, 'trials/0')
  mkdirSync(directory, { recursive: true })
  return { directory, training, env: { YOLOV5_CONFIG_DIR: join(folder, 'config') } }
}

// A peer and no part of the set-up: where it is not there, its tests are not either; CI installs it.
describeWith(there, 'the real YOLOv5 (npm run setup-peers)')('real YOLOv5 (npm run setup-peers)', () => {
  const slot = { slot: 0, device: 'cpu', threads: 1 }
  const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONUNBUFFERED: '1' }

  it('trains; killed in the middle, it goes on from its checkpoint', async () => {
    const { directory, training, env: more } = await project()
    const installation = await yolov5.locate({ module: 'yolov5.train', python })
    expect(installation).toMatchObject({ release: 'yolov5 7.0.14 (package)', like: 'yolov5-v7.0', notes: [] })
    const epochs = 20
    const { hyp: defaults } = await yolov5.defaultHyp(installation, training(epochs))
    const hyp = { ...defaults, lr0: 0.02, mosaic: 0.5 }
    yolov5.check(installation, training(epochs))
    const out = join(directory, 'out')

    const planFor = (attempt: number) =>
      yolov5.plan(installation, training(epochs), { trial: 0, attempt, hyp, seed: 7, directory }, slot)
    async function train(plan: ProcessPlan, killAfter?: number) {
      let group: ProcessGroup | undefined
      const seen: number[] = []
      const onEpoch = ({ epoch }: EpochReport) => {
        seen.push(epoch)
        if (epoch === killAfter) group!.kill('SIGKILL')
      }
      const outcome = await trainProcess({
        plan: { ...plan, env: { ...env, ...plan.env, ...more } },
        reader: yolov5.read(installation, out, onEpoch, 0),
        log: new TrialLog(join(directory, 'train.log')),
        signal: new AbortController().signal,
        onStart: (started) => (group = started),
      })
      return { outcome, seen }
    }

    // Should the kill fall into the writing of the checkpoint, the training rightly begins anew: then once more.
    let first: Awaited<ReturnType<typeof train>>
    let plan = await planFor(1)
    let attempt = 1
    do {
      first = await train(plan, 2)
      expect(first.outcome).toMatchObject({ state: 'failed', failure: 'out-of-memory' })
      plan = await planFor(++attempt)
    } while (!plan.words.includes('--resume') && attempt < 5)

    const options = readFileSync(join(out, 'opt.yaml'), 'utf8')
    for (const line of ['seed: 7', `epochs: ${epochs}`, 'patience: 50', 'evolve: null', 'noplots: true', '  lr0: 0.02'])
      expect(options).toContain(`${line}\n`)
    expect(parseHyp(readFileSync(join(out, 'hyp.yaml'), 'utf8'), 'hyp')).toEqual(hyp)

    expect(plan.words).toEqual([...installation.start, '--resume', join(out, 'weights/last.pt'), '--patience', '50'])
    const { outcome, seen } = await train(plan)
    expect([...first.seen, ...seen]).toEqual(Array.from({ length: epochs }, (_, i) => i + 1))
    expect(seen.length).toBeGreaterThan(0)
    // As pandas reads the trainer's own file.
    const code = 'import sys, pandas; print(pandas.read_csv(sys.argv[1], skipinitialspace=True).iloc[-1].to_json())'
    const row = JSON.parse(execFileSync(python, ['-c', code, join(out, 'results.csv')], { encoding: 'utf8' }))
    expect(outcome).toEqual({
      state: 'complete',
      metrics: {
        trainBoxLoss: row['train/box_loss'],
        trainObjLoss: row['train/obj_loss'],
        trainClsLoss: row['train/cls_loss'],
        precision: row['metrics/precision'],
        recall: row['metrics/recall'],
        mAP50: row['metrics/mAP_0.5'],
        mAP50to95: row['metrics/mAP_0.5:0.95'],
        boxLoss: row['val/box_loss'],
        objLoss: row['val/obj_loss'],
        clsLoss: row['val/cls_loss'],
      },
    })
    expect(row['epoch']).toBe(epochs - 1)
  }, 240_000)

  it('trains a third as long, with a third of the warm-up', async () => {
    const { directory, training, env: more } = await project()
    for (const [name, value] of Object.entries(more)) vi.stubEnv(name, value)
    const installation = await yolov5.locate({ module: 'yolov5.train', python })
    const trainer = installedTrainer({ adapter: yolov5, installation, training: training(6) }, slot)
    const { hyp: defaults } = await yolov5.defaultHyp(installation, training(6))
    const hyp = { ...defaults, warmup_epochs: 3 }
    const job = { trial: 0, attempt: 1, hyp, seed: 8, directory, length: { epochs: 2, full: 6 } }
    const seen: number[] = []
    const outcome = await trainer.train(job, ({ epoch }) => seen.push(epoch), new AbortController().signal)
    expect(outcome).toMatchObject({ state: 'complete', metrics: { mAP50: expect.any(Number) } })
    expect(seen).toEqual([1, 2])
    const options = readFileSync(join(directory, 'out/opt.yaml'), 'utf8')
    for (const line of ['seed: 8', 'epochs: 2', '  warmup_epochs: 1.0']) expect(options).toContain(`${line}\n`)
    expect(parseHyp(readFileSync(join(directory, 'hyp.yaml'), 'utf8'), 'hyp')).toEqual(hyp)
  }, 240_000)

  it('says what is wrong with the data', async () => {
    const { directory, training, env: more } = await project()
    const installation = await yolov5.locate({ module: 'yolov5.train', python })
    const asked = training(1)
    const data = writeText(join(directory, 'gone.yaml'), 'path: /nowhere\ntrain: a\nval: b\nnames: [a]\n')
    const job = { trial: 0, attempt: 1, hyp: {}, seed: 7, directory }
    const plan = await yolov5.plan(installation, { ...asked, flags: { ...asked.flags, data } }, job, slot)
    const outcome = await trainProcess({
      plan: { ...plan, env: { ...env, ...plan.env, ...more } },
      reader: yolov5.read(installation, join(directory, 'out'), () => {}, 0),
      log: new TrialLog(undefined),
      signal: new AbortController().signal,
      classify: yolov5.classify!.bind(yolov5),
    })
    expect(outcome).toMatchObject({ state: 'failed', failure: 'bad-configuration' })
    expect(outcome.state === 'failed' && outcome.output.at(-1)).toContain(
      "The images of the data set are not there: ['/nowhere/b']",
    )
  }, 120_000)
})
