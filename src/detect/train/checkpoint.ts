// Detector files: weights in safetensors (names of YOLOv5's state_dict), the model and what it was trained on in the
// file's metadata, and in `last.safetensors` all that a training needs to go on. Checkpoints of PyTorch (`.pt`) are read
// wherever these are, Darknet's `.weights` where a training starts.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { CheckpointError, CheckpointWriteError } from '../../base/index.ts'
import { type OptimizerState, readSafetensors, type Weights, writeSafetensors } from '../../nn/index.ts'
import { readDarknetWeights } from '../darknet/weights.ts'
import { type ModelDefinition, type ModelYaml, parseModel } from '../model/definition.ts'
import { detectorOf, isPtFile, modelYamlOf, readPtCheckpoint } from '../pt/index.ts'
import { resolveWeights } from '../resolve.ts'
import { type Description, parseDescription, parseResumeDescription, type ResumeDescription } from './description.ts'
import type { EpochResults } from './events.ts'
import type { TrainOptions } from './options.ts'

/** What a detector is, besides its weights. */
export interface DetectorInfo {
  readonly definition: ModelDefinition
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Side of the images it was trained on, pixels. */
  readonly imagePx: number
  /** Last epoch that these weights have seen, from 0; -1 before the first. */
  readonly epoch: number
  readonly results?: EpochResults
}

/** All that continues a training. */
export interface ResumeState {
  readonly options: TrainOptions
  readonly epoch: number
  readonly bestFitness: number
  readonly bestEpoch: number
  /** Iteration of the last update. The gradient accumulated since then is kept too (v7.0 drops it). */
  readonly lastStep: number
  /** mAP of each class in the last validation: what `--image-weights` goes by. */
  readonly maps?: readonly number[]
  /** The weights under training; those of the detector are their moving average. */
  readonly model: Weights
  readonly optimizer: OptimizerState
}

export interface DetectorFile extends DetectorInfo {
  readonly path: string
  readonly weights: Weights
  readonly resume?: ResumeState
}

/** Prefixes of the tensors that only a continued training reads. */
const modelPrefix = 'train.model.'
const slotPrefix = 'train.optimizer.'
const gradientPrefix = 'train.gradient.'

export interface SaveOptions {
  /** What continues the training. */
  readonly resume?: ResumeState
  /** Half precision makes half the size; a training cannot be continued from it exactly. */
  readonly dtype?: 'F32' | 'F16'
}

/**
 * Writes a detector, whole or not at all, and beside it the same description as readable json.
 *
 * @throws {@link CheckpointWriteError}
 */
export function saveDetector(
  path: string,
  info: DetectorInfo,
  weights: Weights,
  { resume, dtype = 'F32' }: SaveOptions = {},
): void {
  const { definition, names, imagePx, epoch, results } = info
  const description: Description = {
    format: 1,
    yaml: definition.yaml,
    source: definition.source,
    names,
    imagePx,
    epoch,
    ...(results && { results }),
  }
  const tensors: Weights = new Map(weights)
  const metadata: Record<string, string> = { format: 'pt', hypevolve: JSON.stringify(description) }
  if (resume) {
    const { model, optimizer, ...rest } = resume
    for (const [name, tensor] of model) tensors.set(modelPrefix + name, tensor)
    for (const [slot, entries] of Object.entries(optimizer.slots))
      for (const [name, tensor] of entries) tensors.set(`${slotPrefix}${slot}.${name}`, tensor)
    for (const [name, tensor] of optimizer.gradient ?? []) tensors.set(gradientPrefix + name, tensor)
    const state: ResumeDescription = { ...rest, optimizer: optimizer.optimizer, updates: optimizer.updates }
    metadata['hypevolve.resume'] = JSON.stringify(state)
  }
  mkdirSync(dirname(path), { recursive: true })
  writeWhole(path, writeSafetensors(tensors, { metadata, dtype }))
  const { yaml: _, ...readable } = description
  writeWhole(path.replace(/\.safetensors$/, '.json'), Buffer.from(`${JSON.stringify(readable, undefined, 2)}\n`))
}

/**
 * Reads a detector written by {@link saveDetector}, or a checkpoint of PyTorch: that has nothing to resume.
 *
 * @throws {@link CheckpointError} if it is something else; {@link SafetensorsError}, {@link PtFileError},
 * {@link PtGlobalRefusedError} if it is damaged or strange; {@link PtUnsupportedError} if its model cannot be built
 */
export function loadDetectorFile(path: string): DetectorFile {
  const { file, bytes, isPt, isDarknet } = readWeightsFile(path)
  if (isDarknet)
    throw new CheckpointError(
      file,
      'a .weights file does not say which model it is of. Train with --cfg and --weights to use it.',
    )
  if (isPt) return { path, ...detectorOf(readPtCheckpoint(bytes, file), file) }
  const { weights: tensors, metadata } = readSafetensors(bytes)
  const description = readDescription(path, metadata['hypevolve'])
  const weights: Weights = new Map()
  const model: Weights = new Map()
  const gradient: Weights = new Map()
  const slots: Record<string, Weights> = Object.create(null)
  for (const [name, tensor] of tensors) {
    if (name.startsWith(modelPrefix)) model.set(name.slice(modelPrefix.length), tensor)
    else if (name.startsWith(slotPrefix)) {
      const [, slot, rest] = /^([^.]+)\.(.*)$/.exec(name.slice(slotPrefix.length)) ?? []
      if (slot && rest) (slots[slot] ??= new Map()).set(rest, tensor)
    } else if (name.startsWith(gradientPrefix)) gradient.set(name.slice(gradientPrefix.length), tensor)
    else weights.set(name, tensor)
  }
  const { yaml, source, names, imagePx, epoch, results } = description
  const saved = metadata['hypevolve.resume']
  let resume: ResumeState | undefined
  if (saved !== undefined) {
    const { optimizer, updates, ...rest } = parseResumeDescription(path, saved)
    resume = { ...rest, model, optimizer: { optimizer, updates, slots, ...(gradient.size > 0 && { gradient }) } }
  }
  return {
    path,
    definition: parseModel(yaml, source),
    names,
    imagePx,
    epoch,
    weights,
    ...(results && { results }),
    ...(resume && { resume }),
  }
}

/**
 * Options of the training that a checkpoint continues.
 *
 * @throws {@link CheckpointError} also if its training has ended
 */
export function readCheckpointOptions(path: string): TrainOptions {
  return requireResume(loadDetectorFile(path)).options
}

/** What continues the training of a checkpoint. @throws {@link CheckpointError} if it has ended */
export function requireResume({ path, resume }: DetectorFile): ResumeState {
  if (resume) return resume
  if (/\.pth?$/i.test(path))
    throw new CheckpointError(
      path,
      'PyTorch has to continue this training itself. Start a new one from its weights with --weights.',
    )
  throw new CheckpointError(
    path,
    'its training has ended, there is nothing left to continue. Start a new one from it with --weights.',
  )
}

/** Weights to start a training from. */
export interface Pretrained {
  readonly weights: Weights
  /** What else the user should know, a sentence. */
  readonly note?: string
  /** Their model, if the file says which. @throws {@link PtUnsupportedError} if it has parts that we do not build */
  readonly yaml?: ModelYaml
  /** Where the model comes from, for messages. */
  readonly source: string
}

/**
 * Weights of any safetensors or PyTorch file with YOLOv5's names: of a checkpoint the moving average, as YOLOv5 uses it
 * too.
 *
 * @param models - the models that a Darknet file, which does not say of which it is, may be of
 * @throws as {@link loadDetectorFile}; a model that cannot be built is an error only when it is asked for
 */
export function loadPretrained(path: string, models: () => readonly ModelDefinition[] = () => []): Pretrained {
  const { file, bytes, isPt, isDarknet } = readWeightsFile(path)
  if (isDarknet) {
    const { weights, convolutions, total } = readDarknetWeights(bytes, file, models())
    const note = `${file} holds the first ${convolutions} of the model's ${total} convolutions.`
    return { weights, source: file, ...(convolutions < total && { note }) }
  }
  if (isPt) {
    const { best } = readPtCheckpoint(bytes, file)
    return {
      weights: best.weights(),
      source: file,
      get yaml() {
        return modelYamlOf(best, file)!
      },
    }
  }
  const { weights, metadata } = readSafetensors(bytes)
  if (metadata['hypevolve'] === undefined) return { weights, source: path }
  const { yaml, source } = readDescription(path, metadata['hypevolve'])
  return { weights, yaml, source }
}

/** Finds and reads a file of weights, and tells of which kind it is: by its content first, then by its name. */
function readWeightsFile(name: string): { file: string; bytes: Buffer; isPt: boolean; isDarknet: boolean } {
  const file = resolveWeights(name)
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const published = /^yolov(5|3)[\w-]*\.pt$/.test(basename(file))
      ? ` Hypevolve does not download it: get it from https://github.com/ultralytics/yolov${basename(file)[5]}/releases, under its own licence.`
      : ''
    throw new CheckpointError(file, code === 'ENOENT' ? `there is no such file.${published}` : `${message}.`, {
      cause: error,
    })
  }
  const isPt = isPtFile(bytes) || /\.pth?$/i.test(file)
  return { file, bytes, isPt, isDarknet: !isPt && /\.(weights|conv\.\d+)$/i.test(file) }
}

function readDescription(path: string, text: string | undefined): Description {
  if (text === undefined)
    throw new CheckpointError(
      path,
      'it holds weights, but not of which model. Train with --cfg and --weights to use them.',
    )
  return parseDescription(path, text)
}

/** Writes beside the file and renames: a reader, or a crash, sees the old or the new content. */
function writeWhole(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${process.pid}.tmp`
  let file: number | undefined
  try {
    file = openSync(draft, 'w')
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
    fsyncSync(file)
    closeSync(file)
    file = undefined
    renameSync(draft, path)
  } catch (error) {
    if (file !== undefined) closeSync(file)
    rmSync(draft, { force: true })
    throw new CheckpointWriteError(path, error as NodeJS.ErrnoException)
  }
}
