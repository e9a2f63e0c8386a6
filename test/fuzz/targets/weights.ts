// Weights: PyTorch's two forms, Darknet's, safetensors, and checkpoints of our own.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { exportDarknet, parseCfgModel } from '../../../src/detect/darknet/index.ts'
import { exportPt, loadDetectorFile, parseModel } from '../../../src/detect/index.ts'
import { initialWeights } from '../../../src/detect/model/index.ts'
import { loadPretrained } from '../../../src/detect/train/checkpoint.ts'
import { writeSafetensors } from '../../../src/nn/index.ts'
import { safetensors, zip } from '../containers.ts'
import type { FuzzTarget } from '../target.ts'

/** The smallest of models. */
export const small = parseModel(
  'nc: 1\nanchors: [[10, 13]]\nbackbone: [[-1, 1, Conv, [8, 6, 2, 2]]]\nhead: [[-1, 1, C3, [8]], [[1], 1, Detect, [nc, anchors]]]\n',
  'small.yaml',
)
const tiny = parseCfgModel(
  '[net]\n[convolutional]\nbatch_normalize=1\nfilters=4\nsize=3\nstride=2\npad=1\nactivation=leaky\n' +
    '[convolutional]\nfilters=6\nsize=1\nactivation=linear\n[yolo]\nmask=0\nanchors=10,14\nclasses=1\nnum=1\n',
  'tiny.cfg',
)

/** Files that PyTorch wrote. */
const torchFiles = Object.values(
  JSON.parse(readFileSync('src/detect/pt/fixtures/torch-2.13.json', 'utf8')) as Record<string, string>,
).map((base64) => gunzipSync(Buffer.from(base64, 'base64')))
const reference = (name: string) => readFileSync(`test/golden/reference/training/pt/${name}`)

const torchWords = [
  ...['torch._utils\n_rebuild_tensor_v2\n', 'ctorch\nFloatStorage\n', 'ccollections\nOrderedDict\n', 'cos\nsystem\n'],
  ...[
    '(',
    ')',
    't',
    'u',
    's',
    'e',
    'a',
    'b',
    'R',
    'Q',
    'N',
    '.',
    '}',
    ']',
    '2',
    '0',
    '1',
    'q\0',
    'h\0',
    'r\0\0\0\x7f',
    'j\0\0\0\x7f',
  ],
].map((text) => Buffer.from(text, 'latin1'))
const torchBytes = [
  '8002',
  '81',
  '82ff',
  '85',
  '86',
  '87',
  '88',
  '8a0a',
  '8affffffff',
  '8b7fffffff',
  '8c',
  '8d',
  '94',
  '95',
  '96',
  'ff',
].map((hex) => Buffer.from(hex, 'hex'))

/** Reads a file of weights as a training that starts from it does, then as validation does if it says of which model it is. */
function readWeights(file: string): void {
  const { yaml } = loadPretrained(file, () => [tiny])
  if (yaml) loadDetectorFile(file)
}

const weightsTarget = (
  name: string,
  extension: string,
  seeds: () => readonly Uint8Array[],
  more: Pick<FuzzTarget, 'tokens' | 'container'> = {},
): FuzzTarget => ({
  name,
  seeds,
  ...more,
  run(bytes, folder) {
    const file = join(folder, `a${extension}`)
    writeFileSync(file, bytes)
    readWeights(file)
  },
})

export const weights: readonly FuzzTarget[] = [
  weightsTarget(
    'pt',
    '.pt',
    () => [
      ...torchFiles.filter((bytes) => bytes[0] === 0x50),
      reference('state_dict_zip.pt'),
      exportPt(
        { definition: small, weights: initialWeights(small, 0), names: ['a'], imagePx: 64 },
        { date: new Date(0) },
      ),
    ],
    { tokens: [...torchWords, ...torchBytes], container: zip },
  ),
  weightsTarget(
    'pt-legacy',
    '.pt',
    () => [...torchFiles.filter((bytes) => bytes[0] === 0x80), reference('state_dict_legacy.pt')],
    {
      tokens: [...torchWords, ...torchBytes],
    },
  ),
  weightsTarget('weights', '.weights', () => {
    const whole = exportDarknet({ definition: tiny, weights: initialWeights(tiny, 0) }, 32)
    return [whole, whole.subarray(0, 20 + 4 * (4 * 4 + 4 * 27))]
  }),
  weightsTarget(
    'safetensors',
    '.safetensors',
    () => [
      writeSafetensors(initialWeights(small, 0), { metadata: { format: 'pt' } }),
      writeSafetensors(new Map([['a', { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }]]), { dtype: 'F16' }),
    ],
    {
      tokens: [
        '"dtype":"F32"',
        '"F64"',
        '"BOOL"',
        '"shape":[0]',
        '"data_offsets":[0,0]',
        '__metadata__',
        'null',
        '{}',
        '[]',
      ],
      container: safetensors,
    },
  ),
]
