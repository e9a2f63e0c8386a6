// Commands that look at images with a finished detector: val, predict, compare, export, as processes.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportDarknet } from '../../src/detect/darknet/index.ts'
import { loadModel } from '../../src/detect/model/definition.ts'
import { initialWeights } from '../../src/detect/model/index.ts'
import { cacheEnv, cli, scratch, tinyProject } from './helpers.ts'

let place: ReturnType<typeof scratch>
let env: NodeJS.ProcessEnv
const at = (...parts: string[]) => join(place.folder, ...parts)
const read = (...parts: string[]) => readFileSync(at(...parts), 'utf8')

beforeAll(async () => {
  place = scratch()
  env = cacheEnv(place.folder)
  await tinyProject(place.folder)
})
afterAll(() => place.remove())

/** Runs a command that must succeed. */
async function run(...words: string[]): Promise<{ stdout: string; stderr: string }> {
  const { status, stdout, stderr } = await cli(words, place.folder, env)
  expect(status, `${words.join(' ')}\n${stdout}${stderr}`).toBe(0)
  return { stdout, stderr }
}
/** Runs a command that must fail; its message. */
async function fails(status: number, ...words: string[]): Promise<string> {
  const result = await cli(words, place.folder, env)
  expect(result.status, `${words.join(' ')}\n${result.stdout}${result.stderr}`).toBe(status)
  expect(result.stderr).not.toMatch(/\n {4}at /)
  return result.stderr
}

const digits = ['--data', 'digits', '--imgsz', '96', '--threads', '1', '--workers', '1']
const weights = 'yolov5n-digits'

describe('hypevolve export and val', () => {
  it('every form of a detector is read, and measures the same', async () => {
    for (const [include, file] of [
      [['onnx'], 'full.onnx'],
      [['onnx', '--half'], 'half.onnx'],
      [['safetensors'], 'copy.safetensors'],
      [['pt', '--float32'], 'full.pt'],
    ] as const)
      await run('export', '--weights', weights, '--include', ...include, '--output', file)
    const measure = async (file: string) =>
      JSON.parse((await run('val', '--weights', file, ...digits, '--noplots', '--json')).stdout)
    const whole = await measure(weights)
    expect(whole).toMatchObject({ name: 'all', images: 64, instances: 302, shape: [32, 3, 128, 128] })
    expect(whole.mAP50).toBeGreaterThan(0.8)
    for (const file of ['full.onnx', 'copy.safetensors', 'full.pt'])
      expect((await measure(file)).mAP50to95, file).toBeCloseTo(whole.mAP50to95, 3)
    expect((await measure('half.onnx')).mAP50to95).toBeCloseTo(whole.mAP50to95, 1)
  })

  it('leaves pictures, label files and results for COCO', async () => {
    const saves = ['--save-txt', '--save-conf', '--save-json', '--conf-thres', '0.1', '--name', 'saved']
    const { stdout } = await run('val', '--weights', weights, ...digits, ...saves, '--task', 'val', '--verbose')
    expect(stdout).toMatch(
      /^Speed: [\d.]+ms pre-process, [\d.]+ms inference, [\d.]+ms NMS per image at shape \(32, 3, /m,
    )
    const folder = readdirSync(at('runs/val/saved'))
    for (const picture of ['confusion_matrix', 'F1_curve', 'P_curve', 'R_curve', 'PR_curve'])
      expect(folder).toContain(`${picture}.png`)
    for (const picture of ['val_batch0_labels.jpg', 'val_batch0_pred.jpg']) expect(folder).toContain(picture)

    const rows = JSON.parse(read('runs/val/saved/yolov5n-digits_predictions.json'))
    const first = rows.filter((row: { image_id: number }) => row.image_id === 0)
    const lines = read('runs/val/saved/labels/0000.txt').trim().split('\n')
    expect(lines).toHaveLength(first.length)
    for (const [i, line] of lines.entries()) {
      const [cls, x, y, w, h, confidence] = line.split(' ').map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ]
      const { category_id, bbox, score } = first[i]
      const side = 128 // of the pictures
      expect(category_id).toBe(cls)
      for (const [k, value] of [(x - w / 2) * side, (y - h / 2) * side, w * side, h * side].entries())
        expect(value).toBeCloseTo(bbox[k], 1)
      expect(confidence).toBeCloseTo(score, 4)
    }
  })

  it('measures speed by batch size and figures by image size', async () => {
    const speed = await run('val', '--weights', weights, ...digits, '--task', 'speed', '--batch-size', '4')
    expect(speed.stdout).toMatch(/^Batch +Images +pre-process ms +inference ms +NMS ms +images\/s$/m)
    expect([...speed.stdout.matchAll(/^ {4}([124]) +\d+( +[\d.]+){4}$/gm)].map(([, batch]) => batch)).toEqual([
      '1',
      '2',
      '4',
    ])
    const sizes = ['--task', 'study', '--sizes', '64', '96', '--name', 'study']
    await run('val', '--weights', weights, ...digits, ...sizes)
    const table = read('runs/val/study/study_digits_yolov5n-digits.txt').trim().split('\n')
    const figures = table.map((line) => line.trim().split(/\s+/).map(Number))
    expect(figures.map((row) => row.length)).toEqual([10, 10])
    expect(figures[1]![2]).toBeGreaterThan(figures[0]![2]!)
  })

  it("reads Darknet's weights with their cfg, and writes them on", async () => {
    const definition = loadModel('yolov3-tiny.cfg', { classes: 2 })
    writeFileSync(at('tiny.weights'), exportDarknet({ definition, weights: initialWeights(definition, 0) }))
    const words = ['--weights', 'tiny.weights', '--cfg', 'yolov3-tiny.cfg', '--data', 'data.yaml']
    const { stdout } = await run('val', ...words, '--imgsz', '64', '--noplots', '--threads', '1', '--json')
    expect(JSON.parse(stdout)).toMatchObject({ images: 4, instances: 6 })
    await run('export', ...words, '--include', 'safetensors')
    const { stdout: again } = await run(
      'predict',
      '--weights',
      'tiny.safetensors',
      '--source',
      'images/val',
      '--nosave',
      '--json',
    )
    expect(JSON.parse(again)).toHaveLength(4)
    expect(await fails(1, 'val', '--weights', 'tiny.weights', '--data', 'data.yaml')).toMatch(/--cfg/)
  })

  it('explains what cannot be', async () => {
    expect(await fails(2, 'val', '--weights', weights, ...digits, '--half')).toMatch(/--half is not supported because/)
    expect(await fails(2, 'val', '--weights', weights, ...digits, '--task', 'test', '--split', 'val')).toMatch(
      /two splits/,
    )
    expect(await fails(1, 'val', '--weights', weights, '--data', 'data.yaml')).toMatch(/2 classes/)
    writeFileSync(at('noise.onnx'), 'no model')
    expect(await fails(1, 'val', '--weights', 'noise.onnx', ...digits)).toMatch(
      /noise\.onnx cannot be used as a detector/,
    )
    expect(await fails(1, 'export', '--weights', 'noise.onnx')).toMatch(/can be run, not converted/)
    expect(await fails(2, 'export', '--weights', weights, '--include', 'darknet', '--half')).toMatch(/half precision/)
  })
})

describe('hypevolve predict', () => {
  const source = 'cache/digits-v1/images/val'
  const quick = ['--weights', weights, '--threads', '1']

  it('draws, writes labels and pieces, and tells of each image', async () => {
    const saves = ['--save-txt', '--save-conf', '--save-crop', '--conf-thres', '0.5']
    const { stdout } = await run('predict', ...quick, '--source', `${source}/000[0-3].png`, ...saves)
    expect(stdout).toMatch(/^image 1\/4 .*0000\.png: 128x128 1 0, 1 1, .*ms$/m)
    expect(readdirSync(at('runs/detect/exp')).sort()).toEqual([
      ...['0000.png', '0001.png', '0002.png', '0003.png', 'crops', 'labels'],
    ])
    const rows = read('runs/detect/exp/labels/0000.txt').trim().split('\n')
    const pieces = readdirSync(at('runs/detect/exp/crops')).flatMap((name) =>
      readdirSync(at('runs/detect/exp/crops', name)),
    )
    expect(pieces.filter((name) => name.startsWith('0000'))).toHaveLength(rows.length)
    const [drawn, plain] = await Promise.all(
      [at('runs/detect/exp/0000.png'), at(source, '0000.png')].map((file) =>
        sharp(file).removeAlpha().raw().toBuffer(),
      ),
    )
    expect(drawn!.length).toBe(plain!.length)
    expect(drawn!.equals(plain!)).toBe(false)
  })

  it('prints JSON alone on the standard output, and makes no folder that stays empty', async () => {
    mkdirSync(at('odd'))
    writeFileSync(at('odd/broken.jpg'), 'no image')
    await sharp(at(source, '0001.png'))
      .withMetadata({ orientation: 8 })
      .resize(100, 60, { fit: 'fill' })
      .jpeg()
      .toFile(at('odd/turned.jpg'))
    const words = ['--source', 'odd', '--nosave', '--json', '--classes', '1', '5', '--name', 'none']
    const { stdout, stderr } = await run('predict', ...quick, ...words)
    const [only, ...others] = JSON.parse(stdout)
    expect(others).toEqual([])
    expect(only).toMatchObject({ path: at('odd/turned.jpg'), width: 60, height: 100 })
    for (const { class: cls } of only.detections) expect([1, 5]).toContain(cls)
    expect(stderr).toMatch(/broken\.jpg/)
    expect(existsSync(at('runs/detect/none'))).toBe(false)
  })

  it('explains what cannot be', async () => {
    expect(await fails(1, 'predict', ...quick, '--source', 'nowhere.jpg')).toMatch(/no such file/)
    expect(await fails(1, 'predict', ...quick, '--source', '0')).toMatch(/cameras/)
    expect(await fails(2, 'predict', ...quick, '--source', source, '--classes', 'cat')).toMatch(/0 0, 1 1/)
    expect(await fails(2, 'predict', ...quick, '--source', source, '--augment')).toMatch(/not supported because/)
    expect(await fails(2, 'predict', ...quick, '--source', source, '--save-conf')).toMatch(/--save-txt/)
  })
})

describe('hypevolve compare', () => {
  it('tells a difference from chance, the same under the same seed', async () => {
    const pair = ['compare', weights, 'half.onnx', ...digits, '--imgsz', '64', '--resamples', '200', '--json']
    const first = JSON.parse((await run(...pair)).stdout)
    expect(first).toMatchObject({ images: 64, resamples: 200, split: 'val' })
    expect(first.mAP50to95.low).toBeLessThanOrEqual(first.mAP50to95.difference)
    expect(first.mAP50to95.high).toBeGreaterThanOrEqual(first.mAP50to95.difference)
    expect(first.perClass).toHaveLength(10)
    expect(JSON.parse((await run(...pair)).stdout)).toEqual(first)

    const { stdout } = await run('compare', weights, weights, ...digits, '--imgsz', '64', '--resamples', '100')
    expect(stdout).toMatch(/^mAP50-95 .* \+0\.000 {2}\+0\.000 to \+0\.000 +50\.0 %$/m)
    expect(stdout).toMatch(/do not tell which is better/)
  })
})
