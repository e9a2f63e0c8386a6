// Any detector that can look at images, whatever file it lies in: our checkpoints, PyTorch's, Darknet's weights with
// their cfg, ONNX models of ours and of YOLOv5's export.
import { readFileSync } from 'node:fs'
import { CheckpointError } from '../base/index.ts'
import type { RuntimeOptions, Weights } from '../nn/index.ts'
import { Evaluator, type Network } from './evaluator.ts'
import { type FamilyName, loadModel, type ModelDefinition } from './model/definition.ts'
import { weightShapes } from './model/index.ts'
import { type OnnxDescription, OnnxNetwork } from './onnx-network.ts'
import { resolveWeights } from './resolve.ts'
import { type DetectorFile, loadDetectorFile, loadPretrained } from './train/checkpoint.ts'

/** A detector in memory. */
export interface OpenDetector {
  /** As it was named. */
  readonly path: string
  readonly network: Network
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Sides of images must be multiples of it, 32 or more. */
  readonly stride: number
  /** Side of the images it was trained on, pixels. */
  readonly imagePx: number
  readonly family: FamilyName
  /** Axes of its images that an exported model fixes. */
  readonly fixed: OnnxDescription['fixed']
}

/** Which detector. */
export interface DetectorSource {
  readonly weights: string
  /** Model of weights that do not say of which they are (Darknet's `.weights`, tensors alone). */
  readonly cfg?: string
  /** Class names for those, by class number. */
  readonly names?: readonly string[]
}

/**
 * Opens a detector.
 *
 * @throws {@link CheckpointError} and as `loadDetectorFile`; {@link OnnxModelError}; {@link DarknetWeightsError}
 */
export async function openDetector(source: DetectorSource, runtime: RuntimeOptions): Promise<OpenDetector> {
  const { weights: path } = source
  if (isOnnx(path)) {
    const network = await OnnxNetwork.open(readOnnx(path), path, runtime)
    return { path, network, ...network.description }
  }
  const { definition, weights, names, imagePx } = readDetector(source)
  const network = await Evaluator.create(definition, weights, runtime)
  const stride = Math.max(...definition.strides, 32)
  return { path, network, names, imagePx, stride, family: definition.family, fixed: {} }
}

/**
 * Reads a detector that is no exported model: to open it, or to write it in another form.
 *
 * @throws as {@link openDetector}
 */
export function readDetector({ weights: path, cfg, names }: DetectorSource): Omit<DetectorFile, 'path'> {
  if (isOnnx(path))
    throw new CheckpointError(
      path,
      'an ONNX model is an end product: it can be run, not converted. Name the checkpoint that it was exported from.',
    )
  if (cfg === undefined) return loadDetectorFile(path)
  const models = [loadModel(cfg), ...(names ? [loadModel(cfg, { classes: names.length })] : [])]
  const { weights } = loadPretrained(path, () => models)
  const definition = models.find((model) => fits(model, weights))
  if (!definition)
    throw new CheckpointError(
      path,
      `its tensors are not those of ${cfg}${names ? ` with ${models.map(({ classes }) => classes).join(' or ')} classes` : ''}. Name the model that it was trained with.`,
    )
  const known = names?.length === definition.classes ? names : undefined
  return {
    definition,
    weights,
    names: known ?? Array.from({ length: definition.classes }, (_, i) => `class${i}`),
    imagePx: imagePxOf(definition),
    epoch: -1,
  }
}

const isOnnx = (path: string) => /\.onnx$/i.test(path)

function readOnnx(path: string): Buffer {
  try {
    return readFileSync(resolveWeights(path))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    throw new CheckpointError(path, code === 'ENOENT' ? 'there is no such file.' : `${message}.`, { cause: error })
  }
}

function fits(definition: ModelDefinition, weights: Weights): boolean {
  for (const [name, shape] of weightShapes(definition)) {
    const found = weights.get(name)?.shape
    if (found?.length !== shape.length || found.some((dim, axis) => dim !== shape[axis])) return false
  }
  return true
}

/** The size that the anchors of these models are made for. */
const imagePxOf = ({ family }: ModelDefinition) => (family === 'yolov3' ? 416 : 640)
