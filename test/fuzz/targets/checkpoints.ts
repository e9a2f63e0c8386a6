// Checkpoints of our own: what validation, export and a training that goes on take from them.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  exportDetector,
  loadDetectorFile,
  readCheckpointOptions,
  saveDetector,
  trainDefaults,
} from '../../../src/detect/index.ts'
import { initialWeights } from '../../../src/detect/model/index.ts'
import { optimizerSlots, TrainState, type Weights } from '../../../src/nn/index.ts'
import { safetensors } from '../containers.ts'
import type { FuzzTarget } from '../target.ts'
import { all } from './all.ts'
import { small } from './weights.ts'

/** One from which a training goes on, one of a training that has ended, one in half precision. */
function checkpoints(): readonly Uint8Array[] {
  const weights = initialWeights(small, 0)
  const results = {
    precision: 0.5,
    recall: 0.4,
    mAP50: 0.3,
    mAP50to95: 0.2,
    valBoxLoss: 1,
    valObjLoss: 1,
    valClsLoss: 1,
  }
  const info = { definition: small, names: ['cat'], imagePx: 64, epoch: 2, results }
  const slots: Record<string, Weights> = Object.fromEntries(optimizerSlots.SGD.map((slot) => [slot, new Map(weights)]))
  const resume = {
    options: { ...trainDefaults, data: 'data.yaml', hyp: { lr0: 0.01 } },
    epoch: 2,
    bestFitness: 0.1,
    bestEpoch: 1,
    lastStep: 7,
    model: weights,
    optimizer: { optimizer: 'SGD', updates: 3, slots, gradient: new Map(weights) },
  } as const
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-fuzz-seeds-'))
  try {
    const file = join(folder, 'a.safetensors')
    return [{ resume }, {}, { dtype: 'F16' } as const].map((options) => {
      saveDetector(file, info, weights, options)
      return readFileSync(file)
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export const checkpoint: FuzzTarget = {
  name: 'checkpoint',
  seeds: checkpoints,
  tokens: [
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '-1',
    '1e999',
    '"darknet":"[net]\\n[yolo]"',
    '"nc":',
    '"anchors":[[1,2]]',
    '__proto__',
    'train.model.',
    'train.optimizer.momentum.',
    'hypevolve.resume',
  ],
  container: safetensors,
  run(bytes, folder) {
    const file = join(folder, 'a.safetensors')
    writeFileSync(file, bytes)
    const { definition, weights, names, imagePx, epoch, resume } = loadDetectorFile(file)
    const whole = [imagePx, epoch].every(Number.isInteger) && names.every((name) => typeof name === 'string')
    if (!whole) throw new Error(`names ${JSON.stringify(names)}, ${imagePx} px, epoch ${epoch}`)
    return all(
      () => exportDetector(definition, weights, { names, imagePx }),
      () => resume && readCheckpointOptions(file).hyp['lr0']?.toFixed(3),
      () => resume && new TrainState().load(resume.model).loadOptimizer({ ...resume.optimizer, optimizer: 'SGD' }),
    )
  },
}
