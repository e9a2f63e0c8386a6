// The commands one after another, as a user runs them: train, validate, export, evolve, go on.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cacheEnv, cli, scratch, tinyFlags, tinyProject } from './helpers.ts'

let place: ReturnType<typeof scratch>
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  place = scratch()
  env = cacheEnv(place.folder)
  await tinyProject(place.folder)
})
afterAll(() => place.remove())

const run = (...words: string[]) => cli(words, place.folder, env)
const read = (...path: string[]) => readFileSync(join(place.folder, ...path), 'utf8')
const table = (...path: string[]) =>
  read(...path)
    .trimEnd()
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))

describe('hypevolve train', () => {
  it('leaves weights, results and pictures', async () => {
    const { status, stdout, stderr } = await run('train', ...tinyFlags, '--epochs', '2')
    expect(status, stdout + stderr).toBe(0)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^ {6}Epoch {4}GPU_mem {3}box_loss {3}obj_loss {3}cls_loss {2}Instances {7}Size$/m)
    expect(stdout).toMatch(/^ {8}1\/1 .* 64: 100%/m)
    expect(stdout).toMatch(/^Training tiny\.yaml for 2 epochs on 8 images of 64 px, on the CPU .*: about \d/m)
    expect(stdout).not.toContain('\x1b')
    const folder = join(place.folder, 'runs/train/exp')
    expect(readdirSync(join(folder, 'weights')).sort()).toEqual([
      'best.json',
      'best.safetensors',
      'last.json',
      'last.safetensors',
    ])
    const pictures = ['labels.jpg', 'results.png', 'train_batch0.jpg', 'val_batch0_labels.jpg', 'val_batch0_pred.jpg']
    for (const file of [...pictures, 'PR_curve.png', 'F1_curve.png', 'confusion_matrix.png']) {
      const { width, height } = await sharp(join(folder, file)).metadata()
      expect(width! * height!, file).toBeGreaterThan(10_000)
    }
    for (const file of ['hyp.yaml', 'opt.yaml']) expect(existsSync(join(folder, file)), file).toBe(true)
    const rows = table('runs/train/exp/results.csv')
    expect(rows).toHaveLength(3)
    expect(rows[0]!.slice(0, 2)).toEqual(['epoch', 'train/box_loss'])
  })

  it('numbers the next run, and repeats itself under the same seed', async () => {
    const { status } = await run('train', ...tinyFlags, '--epochs', '2', '--noplots')
    expect(status).toBe(0)
    expect(read('runs/train/exp2/results.csv')).toBe(read('runs/train/exp/results.csv'))
    expect(readdirSync(join(place.folder, 'runs/train/exp2')).filter((name) => /\.(png|jpg)$/.test(name))).toEqual([])
  })

  it('keeps only what is asked for', async () => {
    const words = ['--epochs', '2', '--nosave', '--noval', '--noplots', '--noautoanchor', '--cache', '--name', 'sparse']
    const { status, stdout, stderr } = await run('train', ...tinyFlags, ...words, '--exist-ok', '--cos-lr')
    expect(status, stdout + stderr).toBe(0)
    expect(readdirSync(join(place.folder, 'runs/train/sparse/weights')).sort()).toContain('best.safetensors')
  })

  it('starts from weights, freezes layers, and trains as one class', async () => {
    const words = [
      '--weights',
      'runs/train/exp/weights/best.safetensors',
      '--freeze',
      '3',
      '--single-cls',
      '--optimizer',
      'AdamW',
    ]
    const { status, stdout, stderr } = await run(
      'train',
      ...tinyFlags,
      ...words,
      '--epochs',
      '1',
      '--noplots',
      '--name',
      'fine',
    )
    expect(status, stdout + stderr).toBe(0)
    expect(stdout).toContain('Transferred')
  })
})

describe('Chinese class names', () => {
  const font = '/usr/share/fonts/truetype/wqy/wqy-microhei.ttc'

  it.skipIf(!existsSync(font))('are drawn with a font of the machine', async () => {
    const labels = async (name: string, names: string) => {
      writeFileSync(
        join(place.folder, `${name}.yaml`),
        `path: .\ntrain: images/train\nval: images/val\nnames: ${names}\n`,
      )
      const words = [...tinyFlags, '--data', `${name}.yaml`, '--epochs', '1', '--name', name]
      const { status, stdout, stderr } = await run('train', ...words)
      expect(status, stdout + stderr).toBe(0)
      expect(stdout).not.toMatch(/WARNING|font/)
      return sharp(join(place.folder, 'runs/train', name, 'labels.jpg'))
        .raw()
        .toBuffer()
    }
    const [one, other] = [await labels('cells', '[红细胞, 白细胞]'), await labels('plates', '[红细胞, 血小板]')]
    expect(one.equals(other)).toBe(false)
  })
})

describe('hypevolve val and export', () => {
  const weights = 'runs/train/exp/weights/best.safetensors'

  it('measure what training measured', async () => {
    const { status, stdout, stderr } = await run('val', '--weights', weights, '--data', 'data.yaml', '--imgsz', '64')
    expect(status, stdout + stderr).toBe(0)
    const all = /^ +all .*$/m.exec(stdout)?.[0]
    const log = await run(
      'val',
      '--weights',
      weights,
      '--data',
      'data.yaml',
      '--imgsz',
      '64',
      '--split',
      'test',
      '--noplots',
    )
    expect(/^ +all .*$/m.exec(log.stdout)?.[0]).toBe(all)
    expect(existsSync(join(place.folder, 'runs/val/exp/PR_curve.png'))).toBe(true)
  })

  it('write a model that plain ONNX Runtime runs', async () => {
    const { status, stdout, stderr } = await run('export', '--weights', weights, '--include', 'onnx')
    expect(status, stdout + stderr).toBe(0)
    const session = await InferenceSession.create(join(place.folder, 'runs/train/exp/weights/best.onnx'))
    expect([session.inputNames, session.outputNames]).toEqual([['images'], ['output0']])
    for (const [height, width] of [
      [64, 64],
      [96, 128],
    ] as const) {
      const images = new Tensor('float32', new Float32Array(3 * height * width).fill(0.4), [1, 3, height, width])
      const { output0 } = await session.run({ images })
      // Two levels of three anchors, strides 8 and 16.
      expect(output0!.dims).toEqual([1, 3 * ((height * width) / 64 + (height * width) / 256), 7])
    }
  })
})

describe('hypevolve train --evolve', () => {
  it('leaves the three files of v7.0 and goes on with --resume', async () => {
    const words = ['train', ...tinyFlags, '--epochs', '1', '--sampler', 'yolov5', '--evolve']
    const first = await run(...words, '3')
    expect(first.status, first.stdout + first.stderr).toBe(0)
    expect(first.stdout).toMatch(/^evolve: 3 generations finished, current result:$/m)
    expect(first.stdout).toMatch(/about \d+ s left for 1 more/)
    const folder = 'runs/evolve/exp'
    const rows = table(folder, 'evolve.csv')
    expect(rows).toHaveLength(4)
    expect(rows[0]!.slice(-3)).toEqual(['mixup', 'copy_paste', 'anchors'])
    const hyps = rows.slice(1).map((row) => row.slice(7).join())
    expect(new Set(hyps).size).toBe(3)
    expect(read(folder, 'hyp_evolve.yaml')).toMatch(
      /^# YOLOv5 Hyperparameter Evolution Results\n# Best generation: \d\n# Last generation: 2\n/,
    )
    const { width, height } = await sharp(join(place.folder, folder, 'evolve.png')).metadata()
    expect([width, height]).toEqual([2000, 2400])
    expect(table(folder, 'results.csv')).toHaveLength(4)

    const more = await run(...words, '1', '--resume')
    expect(more.stdout).toContain('extends runs/evolve/exp from 3 to 4 trials')
    expect(more.status, more.stdout + more.stderr).toBe(0)
    expect(table(folder, 'evolve.csv').slice(0, 4)).toEqual(rows)
    expect(table(folder, 'evolve.csv')).toHaveLength(5)

    const best = await run(
      'train',
      ...tinyFlags,
      '--hyp',
      join(folder, 'hyp_evolve.yaml'),
      '--epochs',
      '1',
      '--noplots',
    )
    expect(best.status, best.stdout + best.stderr).toBe(0)
  })

  it('is the same evolution under the same seed, in a folder of its own', async () => {
    const words = ['train', ...tinyFlags, '--epochs', '1', '--sampler', 'yolov5', '--evolve', '4', '--name', 'again']
    expect((await run(...words)).status).toBe(0)
    expect(read('runs/evolve/again/evolve.csv')).toBe(read('runs/evolve/exp/evolve.csv'))
  })
})
