import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CfgInvalidError, DarknetWeightsError, HypevolveError } from '../../base/index.ts'
import { compile, Graph, Scope } from '../../nn/index.ts'
import { loadModel, parseModel, withAnchors } from '../model/definition.ts'
import {
  buildDetector,
  initialWeights,
  structureKey,
  summarise,
  transferWeights,
  weightShapes,
} from '../model/index.ts'
import { parseCfgModel } from './model.ts'
import { exportCfg, exportDarknet, readDarknetWeights } from './weights.ts'

const net = '[net]\nchannels=3\n'
const conv = (filters: number, more = '') =>
  `[convolutional]\nbatch_normalize=1\nfilters=${filters}\nsize=3\nstride=1\npad=1\nactivation=leaky\n${more}`
const head = (filters: number) => `[convolutional]\nfilters=${filters}\nsize=1\nstride=1\npad=1\nactivation=linear\n`
const yolo = (more = '') => `[yolo]\nmask=0,1\nanchors=4,6, 9,11\nclasses=2\nnum=2\n${more}`
const pool = (size: number, stride: number) => `[maxpool]\nsize=${size}\nstride=${stride}\n`

/** What is wrong with a cfg. */
function problem(text: string): string {
  try {
    parseCfgModel(text, 'x.cfg')
  } catch (error) {
    expect(error).toBeInstanceOf(CfgInvalidError)
    return (error as Error).message
  }
  throw new Error('it was accepted')
}

describe('the packaged cfgs', () => {
  // Numbers of parameters as published for 80 classes.
  it.each([
    ['yolov3-tiny.cfg', 8_852_366, [32, 16]],
    ['cfg/yolov3.cfg', 61_949_149, [32, 16, 8]],
    ['yolov3-spp', 62_998_749, [32, 16, 8]],
  ] as const)('%s has the parameters and strides of the original', (name, parameters, strides) => {
    const definition = loadModel(name)
    expect(summarise(definition).parameters).toBe(parameters)
    expect(definition.strides).toEqual(strides)
    expect(definition.notes).toEqual([])
  })

  it('get heads for the classes of the data set, and say so', () => {
    const definition = loadModel('yolov3-tiny.cfg', { classes: 3 })
    expect(definition.notes[0]).toMatch(/80 classes, the data set has 3: .* 24 filters instead of 255/)
    expect(weightShapes(definition).get('module_list.15.Conv2d.weight')).toEqual([24, 512, 1, 1])
  })

  it('come back from a checkpoint with their classes and anchors', () => {
    const definition = loadModel('yolov3-tiny.cfg', { classes: 3 })
    const moved = withAnchors(definition, [
      [1, 2, 3, 4, 5, 6],
      [7, 8, 9, 10, 11, 12],
    ])
    const again = parseModel(JSON.parse(JSON.stringify(moved.yaml)), 'best.safetensors')
    expect(again.anchorsPx).toEqual(moved.anchorsPx)
    expect(again.classes).toBe(3)
    expect(structureKey(again)).toBe(structureKey(definition))
  })
})

describe('layers', () => {
  /** Output of a cfg's layers for an image, before its head. */
  async function run(layers: string, image: number[], side: number): Promise<number[]> {
    const definition = parseCfgModel(`${net}${layers}${head(14)}${yolo()}`, 'x.cfg')
    const weights = initialWeights(definition, 0)
    const last = [...weights.keys()].findLast((name) => name.endsWith('Conv2d.weight'))!
    // The head gives channel 0 of what it reads.
    for (const [name, { data }] of weights) if (name.startsWith(last.replace(/weight$/, ''))) data.fill(0)
    weights.get(last)!.data[0] = 1
    const graph = new Graph()
    const scope = Scope.evaluate(weights, graph)
    const [output] = buildDetector(scope, definition, graph.input('image', [1, 3, side, side]))
    const session = await compile(graph, [output!], {})
    const [result] = await session.run({ image: Float32Array.from([...image, ...image, ...image]) })
    await session.dispose()
    return Array.from((result!.data as Float32Array).subarray(0, output!.shape[3] as number))
  }

  it('a pool of 2 that moves by 1 has zeros below and to the right', async () => {
    const image = [-1, -2, -3, -4]
    expect(await run(pool(2, 1), image, 2)).toEqual([-1, 0])
  })

  it('a route takes layers from before, or a group of their channels', async () => {
    const image = [1, 2, 3, 4]
    expect(await run(`${pool(1, 1)}[route]\nlayers=-1,0\n`, image, 2)).toEqual([1, 2])
    const definition = parseCfgModel(
      `${net}${conv(8)}[route]\nlayers=-1\ngroups=2\ngroup_id=1\n${head(14)}${yolo()}`,
      'x.cfg',
    )
    expect(definition.layers[1]!.layer.output.channels).toBe(4)
  })

  it.each([
    ['linear', [-2, 4]],
    ['leaky', [expect.closeTo(-0.2), 4]],
  ])('a shortcut adds, with activation %s', async (activation, sums) => {
    const layers = `${pool(1, 1)}${pool(1, 1)}[shortcut]\nfrom=-2\nactivation=${activation}\n`
    expect(await run(layers, [-1, 2, 3, 4], 2)).toEqual(sums)
  })

  it('upsampling repeats', async () => {
    const image = Array.from({ length: 16 }, (_, i) => i)
    expect(await run(`${pool(2, 2)}[upsample]\nstride=2\n`, image, 4)).toEqual([5, 5, 7, 7])
  })
})

describe('faults of a cfg', () => {
  it('are told with their line', () => {
    expect(problem('')).toMatch(/no \[yolo\]/)
    expect(problem('filters=3')).toMatch(/line 1: the first line must be a section/)
    expect(problem(`${net}[convolutional\n`)).toMatch(/line 3: .*no section/)
    expect(problem(`${net}[convolutional]\nfilters\n`)).toMatch(/line 4: .*key=value/)
    expect(problem(`${net}${conv(8)}${head(15)}${yolo()}`)).toMatch(
      /line 11: filters is 15.*2 anchors × \(5 \+ 2 classes\) = 14/,
    )
    expect(problem(`${net}${conv(8).replace('size=3', 'size=three')}${head(14)}${yolo()}`)).toMatch(
      /line 6: size is "three", it must be a whole number from 1 to 64/,
    )
    expect(problem(`${net}${conv(8, 'groups=3\n')}${head(14)}${yolo()}`)).toMatch(/3 groups do not divide/)
    expect(problem(`${net}${conv(8).replace('leaky', 'elu')}${head(14)}${yolo()}`)).toMatch(
      /"elu" is not known. Known: linear/,
    )
    expect(problem(`${net}[lstm]\n${head(14)}${yolo()}`)).toMatch(/no layer \[lstm\].*convolutional, maxpool/)
    expect(problem(`${net}[__proto__]\n${head(14)}${yolo()}`)).toMatch(/no layer/)
    expect(problem(`${net}[route]\nlayers=-1\n${head(14)}${yolo()}`)).toMatch(/line 4: layers names -1/)
    expect(problem(`${net}${conv(8)}[shortcut]\nfrom=-9\n${head(14)}${yolo()}`)).toMatch(/from names -9/)
    expect(problem(`${net}${conv(8)}[shortcut]\nfrom=-1\nactivation=elu\n${head(14)}${yolo()}`)).toMatch(/"elu"/)
    expect(problem(`${net}${conv(8)}[shortcut]\nfrom=-1\nweights_type=per_feature\n${head(14)}${yolo()}`)).toMatch(
      /shortcut with weights/,
    )
    expect(problem(`${net}${conv(8)}${conv(4)}[shortcut]\nfrom=-2\n${head(14)}${yolo()}`)).toMatch(/cannot be added/)
    expect(problem(`${net}${conv(8)}${pool(2, 2)}[route]\nlayers=-1,0\n${head(14)}${yolo()}`)).toMatch(
      /different strides/,
    )
    expect(problem(`${net}${conv(8)}${yolo()}`)).toMatch(/no batch_normalize and activation=linear/)
    expect(problem(`${net}${head(14)}${yolo('mask=0,7\n')}`)).toMatch(/mask must name anchors from 0 to 1/)
    expect(problem(`${net}${head(14)}${yolo('anchors=4,6,9\n')}`)).toMatch(/pairs/)
    expect(problem(`${net}${head(14)}${yolo()}${head(14)}${yolo()}`)).toMatch(/stride of its own/)
    expect(problem(`[net]\nchannels=1\n${head(14)}${yolo()}`)).toMatch(/line 2: channels must be 3/)
    expect(problem(`${net}${`[upsample]\nstride=32\n`.repeat(9)}${head(14)}${yolo()}`)).toMatch(/cells for 256 pixels/)
  })

  it('are never another error, whatever the text', () => {
    const parts = [net, conv(8), head(14), yolo(), pool(2, 2), pool(2, 1), '[route]\n', 'layers=-1,-2\n', 'groups=2\n']
    const more = [
      '[shortcut]\nfrom=-2\n',
      '[upsample]\n',
      'stride=0\n',
      'filters=65536\n',
      'size=64\n',
      '[yolo]\n',
      '[net]\n',
    ]
    const piece = fc.oneof(fc.constantFrom(...parts, ...more), fc.string({ maxLength: 20 }))
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        try {
          parseCfgModel(pieces.join(''), 'x.cfg')
        } catch (error) {
          expect(error).toBeInstanceOf(HypevolveError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('.weights', () => {
  const text = `${net}${conv(4)}${pool(2, 2)}${conv(8)}${head(14)}${yolo()}`
  const definition = parseCfgModel(text, 'x.cfg')
  const weights = initialWeights(definition, 3)

  it('come back from a file, and the cfg with them', () => {
    const bytes = exportDarknet({ definition, weights }, 77)
    const again = readDarknetWeights(bytes, 'x.weights', [parseCfgModel(exportCfg(definition), 'y.cfg')])
    expect(again.weights).toEqual(
      new Map([...weights].map(([name, { shape, data }]) => [name, { shape: [...shape], data }])),
    )
    expect(again).toMatchObject({ convolutions: 3, total: 3, seen: 77 })
  })

  it('made for other classes give a model all but its heads', () => {
    const other = parseCfgModel(text, 'x.cfg', { classes: 5 })
    const read = readDarknetWeights(exportDarknet({ definition, weights }), 'x.weights', [definition, other])
    const transfer = transferWeights(initialWeights(other, 0), read.weights)
    expect(transfer.total - transfer.taken).toBe(2)
  })

  it('may end after a convolution', () => {
    const bytes = exportDarknet({ definition, weights })
    const first = 20 + 4 * (4 * 4 + 4 * 3 * 9)
    expect(readDarknetWeights(bytes.subarray(0, first), 'x.conv.1', [definition])).toMatchObject({
      convolutions: 1,
      total: 3,
    })
    for (const length of [0, 19, 20, first - 4, first + 4, first + 1, bytes.length - 1])
      expect(() => readDarknetWeights(bytes.subarray(0, length), 'x.weights', [definition])).toThrow(
        DarknetWeightsError,
      )
  })

  it('need a cfg and a header', () => {
    expect(() => readDarknetWeights(new Uint8Array(64), 'x.weights', [])).toThrow(/--cfg/)
    expect(() => readDarknetWeights(new Uint8Array(64).fill(255), 'x.weights', [definition])).toThrow(/no Darknet file/)
    expect(() => exportDarknet({ definition: loadModel('yolov5n.yaml'), weights })).toThrow(DarknetWeightsError)
  })
})
