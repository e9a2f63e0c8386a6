import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../../../test/helpers/data-set.ts'
import {
  CheckpointError,
  ModelModuleUnknownError,
  PtFileError,
  PtUnsupportedError,
  WeightShapeError,
} from '../../base/index.ts'
import { readZip, writeZip } from '../archive/zip.ts'
import { loadDetector } from '../detector.ts'
import { ensureDigits } from '../digits/index.ts'
import { initialWeights, parseModel } from '../model/index.ts'
import { loadDetectorFile, loadPretrained, readCheckpointOptions } from '../train/checkpoint.ts'
import { exportPt } from './index.ts'

const yaml = `
nc: 2
depth_multiple: 1
width_multiple: 0.25
anchors: [[10, 13, 16, 30]]
backbone: [[-1, 1, Focus, [32, 3]], [-1, 1, Conv, [32, 3, 2]]]
head: [[-1, 1, C3, [32]], [-1, 1, BottleneckCSP, [32]], [[3], 1, Detect, [nc, anchors]]]
`
const definition = parseModel(yaml, 'test.yaml')
const weights = initialWeights(definition, 0)
const original = exportPt({ definition, weights, names: ['a', 'b'], imagePx: 96 })

/** A checkpoint as another release would have written it: its description with these bytes in place of others. */
function changed(
  ...changes: readonly (readonly [from: string | Buffer, to: string | Buffer, once?: 'once'])[]
): string {
  const path = join(temporaryFolder(), 'old.pt')
  const entries = [...readZip(original)].map(([name, entry]) => {
    if (!name.endsWith('data.pkl')) return [name, entry.read()] as const
    let text = Buffer.from(entry.read()).toString('latin1')
    for (const [from, to, once] of changes) {
      const search = from.toString('latin1')
      expect(text).toContain(search)
      text = text[once ? 'replace' : 'replaceAll'](search, () => to.toString('latin1'))
    }
    return [name, Buffer.from(text, 'latin1')] as const
  })
  writeFileSync(path, writeZip(entries))
  return path
}

const double = (value: number) => {
  const bytes = Buffer.alloc(9)
  bytes[0] = 0x47 // BINFLOAT
  bytes.writeDoubleBE(value, 1)
  return bytes
}
const text = (value: string) => Buffer.concat([Buffer.from([0x58, value.length, 0, 0, 0]), Buffer.from(value)])

describe('checkpoints of other releases', () => {
  it('the class of the model since v6.2', () => {
    const { names, definition: read, imagePx } = loadDetectorFile(changed(['yolo\nModel', 'yolo\nDetectionModel']))
    expect({ names, yaml: read.yaml, imagePx }).toEqual({ names: ['a', 'b'], yaml: definition.yaml, imagePx: 96 })
  })

  it('the package yolov5', () => {
    const path = changed(['cmodels.yolo\n', 'cyolov5.models.yolo\n'], ['cmodels.common\n', 'cyolov5.models.common\n'])
    expect(loadDetectorFile(path).names).toEqual(['a', 'b'])
  })

  it('a model without names, and flags without a size', () => {
    const { names, imagePx } = loadDetectorFile(changed([text('names'), text('nomen')], [text('imgsz'), text('image')]))
    expect({ names, imagePx }).toEqual({ names: ['class0', 'class1'], imagePx: 640 })
  })

  it.each([
    [
      'Hardswish',
      ['\nSiLU\n', '\nHardswish\n'],
      /Hardswish/,
      'models.common.Conv with torch.nn.modules.activation.Hardswish',
    ],
    [
      'BottleneckCSP before v4.0',
      ['\nSiLU\n', '\nReLU\n'],
      /BottleneckCSP with ReLU/,
      'models.common.BottleneckCSP with torch.nn.modules.activation.ReLU',
    ],
    [
      'an own activation',
      ['torch.nn.modules.activation\nSiLU', 'utils.activations\nMish'],
      /Mish/,
      'models.common.Conv with utils.activations.Mish',
    ],
    ['another epsilon', [double(0.001), double(0.00001)], /adds 0.00001 to the variance/, 'model.0.conv.bn.eps'],
  ] as const)('%s cannot be built, and the message names it', (_, change, message, part) => {
    const path = changed(change)
    const read = () => loadDetectorFile(path)
    expect(read).toThrow(PtUnsupportedError)
    expect(read).toThrow(message)
    try {
      read()
    } catch (error) {
      expect((error as PtUnsupportedError).part).toBe(part)
    }
  })

  it('their weights still serve a training with a model file', () => {
    const pretrained = loadPretrained(changed(['\nSiLU\n', '\nHardswish\n']))
    expect(pretrained.weights.get('model.1.conv.weight')!.shape).toEqual([8, 8, 3, 3])
    expect(() => pretrained.yaml).toThrow(PtUnsupportedError)
  })

  it('an unknown module is named', () => {
    const path = changed([text('BottleneckCSP'), text('BottleneckXYZ')])
    expect(() => loadDetectorFile(path)).toThrow(ModelModuleUnknownError)
    expect(() => loadDetectorFile(path)).toThrow(/BottleneckXYZ/)
  })
})

describe('rows that are no rows', () => {
  // Records without the methods that every object has, where text or numbers belong.
  const dictionary = Buffer.from('}')
  it.each([
    ['as a module', text('Focus'), dictionary],
    ['as an argument', Buffer.from([0x4b, 3, 0x65, 0x65]), Buffer.from('}ee', 'latin1')],
    ['as an option', text('depth_multiple'), Buffer.concat([text('activation'), dictionary, text('depth_multiple')])],
  ])('a dictionary %s', (_, from, to) => expect(() => loadDetectorFile(changed([from, to]))).toThrow(PtFileError))

  it.each([
    ['an epsilon', double(0.001)],
    ['a slope', text('inplace')],
  ])('tuples in tuples without end for %s', (what, from) => {
    const deep = Buffer.concat([Buffer.from(')'), Buffer.alloc(9000, 0x85)])
    const to = what === 'a slope' ? Buffer.concat([text('negative_slope'), deep, from]) : deep
    const other = what === 'a slope' ? [['\nSiLU\n', '\nLeakyReLU\n'] as const] : []
    expect(() => loadDetectorFile(changed(...other, [from, to, 'once']))).toThrow(PtUnsupportedError)
  })
})

describe('wherever weights are named', () => {
  it('a model that is another one than it says', async () => {
    // Its rows name twice the channels that its numbers have.
    const path = changed([double(0.25), double(0.5)])
    await expect(loadDetector(path, { threads: 1 })).rejects.toThrow(WeightShapeError)
  })

  it('a file of PyTorch under another name', () => {
    const path = join(temporaryFolder(), 'weights.safetensors')
    writeFileSync(path, original)
    expect(loadDetectorFile(path).names).toEqual(['a', 'b'])
  })

  it('something else under the name of one', () => {
    const path = join(temporaryFolder(), 'yolov5s.pt')
    writeFileSync(path, 'Not Found')
    expect(() => loadDetectorFile(path)).toThrow(PtFileError)
    expect(() => loadPretrained(path)).toThrow(/yolov5s\.pt/)
  })

  it('one that is not there', () => {
    expect(() => loadPretrained('yolov5s.pt')).toThrow(/no such file.*github\.com\/ultralytics\/yolov5/)
    expect(() => loadPretrained('yolov3-tiny.pt')).toThrow(/github\.com\/ultralytics\/yolov3/)
    expect(() => loadPretrained('mine.pt')).toThrow(CheckpointError)
  })

  it('nothing to resume', () => {
    const path = changed()
    expect(() => readCheckpointOptions(path)).toThrow(/PyTorch has to continue this training itself/)
  })

  it('loadDetector finds what it finds with our own file', async () => {
    const image = join(dirname(await ensureDigits()), 'images/val/0000.png')
    const path = join(temporaryFolder(), 'digits.pt')
    writeFileSync(path, exportPt(loadDetectorFile('yolov5n-digits'), { dtype: 'float32' }))
    const [own, theirs] = await Promise.all([
      loadDetector('yolov5n-digits', { threads: 1 }),
      loadDetector(path, { threads: 1 }),
    ])
    const found = await theirs.detect(image)
    expect(found.length).toBeGreaterThan(0)
    expect(found).toEqual(await own.detect(image))
    await own.close()
    await theirs.close()
  })
})
