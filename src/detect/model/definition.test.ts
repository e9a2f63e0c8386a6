import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  HypevolveError,
  ModelFileInvalidError,
  ModelModuleUnknownError,
  ModelRowInvalidError,
} from '../../base/index.ts'
import { loadModel, parseModel, structureKey, withAnchors } from './definition.ts'
import { initialWeights, transferWeights, weightShapes } from './initial-weights.ts'
import { summarise } from './summary.ts'

const text = readFileSync(new URL('../../../assets/models/yolov5n.yaml', import.meta.url), 'utf8')

describe('the packaged models', () => {
  it.each([
    ['yolov5n', 1_872_157, 214],
    ['yolov5s', 7_235_389, 214],
    ['yolov5m', 21_190_557, 291],
    ['yolov5l', 46_563_709, 368],
    ['yolov5x', 86_749_405, 445],
  ])('%s has the %i parameters and %i layers that v7.0 prints', (name, parameters, layers) => {
    const definition = loadModel(name)
    expect(definition.strides).toEqual([8, 16, 32])
    const summary = summarise(definition)
    expect([summary.parameters, summary.layers]).toEqual([parameters, layers])
  })

  it('prints a table', () => {
    const { table, text: line } = summarise(loadModel('yolov5n.yaml', { classes: 3 }))
    expect(table.slice(0, 4)).toMatchInlineSnapshot(`
      [
        "                 from  n    params  module        arguments",
        "  0                -1  1      1760  Conv          [3, 16, 6, 2, 2]",
        "  1                -1  1      4672  Conv          [16, 32, 3, 2]",
        "  2                -1  1      4800  C3            [32, 32, 1]",
      ]
    `)
    expect(table.at(-1)).toMatchInlineSnapshot(
      `" 24      [17, 20, 23]  1     10824  Detect        [3, [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]], [64, 128, 256]]"`,
    )
    expect(line).toMatchInlineSnapshot(`"yolov5n summary: 214 layers, 1767976 parameters, 4.1 GFLOPs at 640 px"`)
  })
})

describe('parseModel', () => {
  it('takes classes and anchors from the caller', () => {
    const definition = parseModel(text, 'x.yaml', { classes: 7, anchors: 4.4 })
    expect([definition.classes, definition.anchorsPerLevel, definition.anchorsArePlaceholders]).toEqual([7, 4, true])
    expect(weightShapes(definition).get('model.24.m.0.bias')).toEqual([48])
  })

  it('survives a round trip through its yaml content', () => {
    const definition = parseModel(text, 'x.yaml', { classes: 7 })
    const again = parseModel(JSON.parse(JSON.stringify(definition.yaml)), 'x.yaml')
    expect(structureKey(again)).toBe(structureKey(definition))
    expect(again.anchorsPx).toEqual(definition.anchorsPx)
  })

  it('turns anchors that run against the strides', () => {
    const definition = parseModel(text, 'x.yaml')
    const turned = withAnchors(definition, definition.anchorsPx.toReversed())
    expect(turned.anchorsPx).toEqual(definition.anchorsPx)
  })

  it('numbers the parameters of a repeated row as a chain', () => {
    const twice = text
      .replace('[-1, 1, Conv, [128, 3, 2]] # 1, 4', '[-1, 6, Conv, [128, 1, 1]]')
      .replace('256, 3, 2]] # 3', '256, 5, 4]] # 3')
    const shapes = weightShapes(parseModel(twice, 'x.yaml'))
    expect(shapes.has('model.1.0.conv.weight') && shapes.has('model.1.1.conv.weight')).toBe(true)
    expect(shapes.has('model.1.2.conv.weight')).toBe(false)
  })

  it.each([
    [
      '[-1, 1, Conv, [64, 6, 2, 2]]',
      '[-1, 1, Konv, [64]]',
      /backbone row 0, .*no module "Konv"\. Did you mean "Conv"\?/,
    ],
    ['[-1, 1, Conv, [64, 6, 2, 2]]', '[0, 1, Conv, [64]]', /row 0.*the first row reads the image/],
    ['[[-1, 6], 1, Concat, [1]]', '[[-1, 12], 1, Concat, [1]]', /head row 12, .*from 12 names no earlier row.*0 to 11/],
    ['[[-1, 6], 1, Concat, [1]]', '[[-1, 5, 2], 1, Concat, [1]]', /different strides \(16, 16, 4\)/],
    ['[-1, 6, C3, [256]]', '[[-1, 1], 6, C3, [256]]', /row 4.*reads exactly one/],
    ['[-1, 6, C3, [256]]', '[-1, 6, C3, []]', /argument 0 \(channels\) is missing/],
    ['[-1, 6, C3, [256]]', '[-1, 6, C3, [lots]]', /\(channels\) is "lots"/],
    ['[-1, 6, C3, [256]]', '[-1, 6, C3, [256, 1]]', /\(shortcut\) is 1, it must be True or False/],
    ['[-1, 6, C3, [256]]', '[-1, 6, C3, [256, True, 1, 0.5, 3]]', /5 arguments/],
    ['[-1, 6, C3, [256]]', '[-1, 0, C3, [256]]', /number is 0/],
    ['[-1, 6, C3, [256]]', '[-1, 6, C3]', /a row must be/],
    ['[-1, 6, C3, [256]]', '[-1, 1, Detect, [nc, anchors]]', /must be the last row/],
    ['[-1, 1, SPPF, [1024, 5]]', '[-1, 1, SPPF, [1024, 4]]', /window 4 must be odd/],
    ['nearest]]', 'bilinear]]', /only nearest/],
    ['[1024, 3, 2]', '[1024, 99, 2, 0]', /used up/],
  ])('names the row of %s as %s', (row, bad, message) => {
    const error = catchError(() => parseModel(text.replace(row, bad), 'my.yaml'))
    expect(error).toBeInstanceOf(ModelRowInvalidError)
    expect(error.message).toMatch(/^my\.yaml, /)
    expect(error.message).toMatch(message)
  })

  it('lists the modules it knows', () => {
    const error = catchError(() => parseModel(text.replace('SPPF', 'C3TR'), 'my.yaml'))
    expect(error).toBeInstanceOf(ModelModuleUnknownError)
    expect(error.message).toContain('Known modules: Bottleneck, BottleneckCSP, C3, ')
  })

  it.each([
    ['nc: 80', 'nc: many', /nc is "many"/],
    ['depth_multiple: 0.33', 'depth_multiple: -1', /depth_multiple is -1/],
    ['width_multiple: 0.25', 'width_multiple: wide', /width_multiple is "wide"/],
    ['backbone:', 'spine:', /no list "backbone"/],
    ['  - [10, 13, 16, 30, 33, 23]\n', '', /anchors has 2 lists, Detect reads 3/],
    ['  - [10, 13, 16, 30, 33, 23]', '  - [10, 13, 16]', /same number of pairs/],
    ['  - [10, 13, 16, 30, 33, 23]', '  - [10, 13, 16, ten]', /list of lists of pixels/],
    ['nc: 80', 'nc: 80\nactivation: nn.Swish()', /activation is "nn.Swish\(\)"/],
    ['nc: 80', 'nc: 80\nnc: 81', /unique/],
  ])('refuses %s as %s', (part, bad, message) => {
    const error = catchError(() => parseModel(text.replace(part, bad), 'my.yaml'))
    expect(error).toBeInstanceOf(ModelFileInvalidError)
    expect(error.message).toMatch(message)
  })

  it('refuses a head that is repeated', () => {
    const repeated = text.replace(/1, Detect,/, '9, Detect,')
    expect(repeated).not.toBe(text)
    expect(catchError(() => parseModel(repeated, 'my.yaml')).message).toContain('the head cannot be repeated')
  })

  it('answers hostile content with one of its own errors', () => {
    const value = fc.oneof(
      fc.integer(),
      fc.double(),
      fc.constantFrom('nc', 'anchors', 'None', 'Conv', 'Concat', 'Detect', '__proto__', null, true, 1e308),
      fc.array(fc.integer({ min: -3, max: 9 }), { maxLength: 3 }),
    )
    const row = fc.oneof(
      fc.tuple(
        value,
        value,
        fc.constantFrom('Conv', 'C3', 'Concat', 'Detect', 'SPP', 'nn.Upsample', 'GhostConv'),
        fc.array(value, { maxLength: 4 }),
      ),
      value,
    )
    fc.assert(
      fc.property(
        fc.record({
          nc: value,
          anchors: value,
          backbone: fc.array(row, { maxLength: 4 }),
          head: fc.array(row, { maxLength: 3 }),
        }),
        (content) => {
          try {
            parseModel(JSON.stringify(content), 'x')
          } catch (error) {
            expect(error).toBeInstanceOf(HypevolveError)
          }
        },
      ),
      { numRuns: 500 },
    )
    for (const bad of ['', '{', '[]', 'a: &a [*a, *a]', 'x'.repeat(1000)])
      expect(() => parseModel(bad, 'x')).toThrow(ModelFileInvalidError)
  })
})

describe('initialWeights', () => {
  const definition = loadModel('yolov5n', { classes: 3 })

  it('repeats under one seed and differs under another', () => {
    const values = (seed: number) => initialWeights(definition, seed).get('model.0.conv.weight')!.data.slice(0, 4)
    expect(values(1)).toEqual(values(1))
    expect(values(1)).not.toEqual(values(2))
  })

  it('starts batch norm as v7.0 does', () => {
    const weights = initialWeights(definition, 0)
    const first = (name: string) => weights.get(`model.0.bn.${name}`)!.data[0]
    expect([first('weight'), first('bias'), first('running_mean'), first('running_var')]).toEqual([
      1,
      0,
      0,
      Math.fround(0.9),
    ])
  })

  it('takes over what fits', () => {
    const pretrained = initialWeights(loadModel('yolov5n', { classes: 80 }), 1)
    const { weights, taken, total } = transferWeights(initialWeights(definition, 2), pretrained)
    expect([taken, total]).toEqual([total - 6, 291])
    expect(weights.get('model.0.conv.weight')!.data).toEqual(pretrained.get('model.0.conv.weight')!.data)
  })
})

function catchError(body: () => unknown): Error {
  try {
    body()
  } catch (error) {
    return error as Error
  }
  return expect.fail('nothing was thrown')
}
