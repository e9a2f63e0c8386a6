// One training from options to result. Read `run` first: prepare, epochs, end.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { stringify } from 'yaml'
import { HypFamilyError, LossNotFiniteError, ModelNotGivenError, randomFor } from '../../base/index.ts'
import { fromHalf, imageLayoutFor, isGpu, requireDevice, toHalf, type Weights } from '../../nn/index.ts'
import { checkAnchors } from '../anchors/index.ts'
import {
  type Dataset,
  datasetStatistics,
  describeFault,
  type TrainBatch,
  type TrainLoader,
  toPlainImages,
  type ValLoader,
} from '../data/index.ts'
import { Evaluator } from '../evaluator.ts'
import { families, type ModelFamily, type TrainSchedule } from '../family.ts'
import { gridAnchors } from '../model/build.ts'
import { loadModel, type ModelDefinition, parseModel, withAnchors } from '../model/definition.ts'
import { initialWeights, transferWeights } from '../model/initial-weights.ts'
import { summarise } from '../model/summary.ts'
import { ResultsFile } from '../results.ts'
import { EarlyStopping, emaDecay, type Iteration } from '../schedule.ts'
import { batchPictures, type Metrics, picturedBatches, pixelBoxes, validate, validationLoss } from '../val/index.ts'
import { autoBatch } from './auto-batch.ts'
import {
  type DetectorInfo,
  loadDetectorFile,
  loadPretrained,
  type ResumeState,
  requireResume,
  saveDetector,
} from './checkpoint.ts'
import type { EpochResults, TrainEvent, TrainResult } from './events.ts'
import type { TrainHooks, TrainingHost } from './host.ts'
import { trainingSizes } from './image-sizes.ts'
import { imageWeights } from './image-weights.ts'
import type { TrainOptions } from './options.ts'
import { type TrainProgram, type Trial, trialOf } from './program.ts'

const noResults: EpochResults = {
  precision: 0,
  recall: 0,
  mAP50: 0,
  mAP50to95: 0,
  valBoxLoss: 0,
  valObjLoss: 0,
  valClsLoss: 0,
}

/** So many faults of a data set are told one by one. */
const toldFaults = 20

/** Everything that the epochs need. */
interface Prepared {
  readonly definition: ModelDefinition
  readonly names: readonly string[]
  /** Files of the training images. */
  readonly paths: readonly string[]
  readonly imagePx: number
  readonly threads: number
  readonly trainLoader: TrainLoader
  readonly valLoader: ValLoader
  readonly program: TrainProgram
  readonly trial: Trial
  readonly schedule: TrainSchedule
  readonly family: ModelFamily
  readonly startEpoch: number
}

/** A training in progress. */
export class Training {
  private readonly started = performance.now()
  private options: TrainOptions
  private readonly resume: ResumeState | undefined
  private readonly stopper: EarlyStopping
  private results = noResults
  /** mAP of each class in the last validation. */
  private maps: readonly number[] = []
  /** Of the last validated epoch. */
  private fitness = 0
  private bestFitness = 0
  /** Iteration of the last update. */
  private lastStep = -1
  /** With `save: 'resume'`, when the next checkpoint is due, on the clock of `performance`. */
  private nextCheckpoint: number
  private readonly checkpointMs: number

  constructor(
    private readonly host: TrainingHost,
    options: TrainOptions,
    private readonly hooks: TrainHooks,
  ) {
    this.options = options
    if (options.resume !== '') {
      this.resume = requireResume(loadDetectorFile(options.resume))
      const saveDir = resolve(dirname(options.resume), '..')
      // All is as it was, except what the machine gives this time.
      const { resume, threads, workers, spin, device } = options
      this.options = { ...this.resume.options, resume, saveDir, threads, workers, spin, ...(device && { device }) }
    }
    this.stopper = new EarlyStopping(this.options.patience)
    this.checkpointMs = 1000 * (this.options.checkpointSeconds ?? 10)
    this.nextCheckpoint = this.started + this.checkpointMs
    if (this.resume) {
      this.bestFitness = this.stopper.bestFitness = this.resume.bestFitness
      this.stopper.bestEpoch = this.resume.bestEpoch
      this.lastStep = this.resume.lastStep
      this.maps = this.resume.maps ?? []
    }
  }

  async run(): Promise<TrainResult> {
    const prepared = await this.prepare()
    try {
      return await this.epochs(prepared)
    } finally {
      await prepared.trainLoader.close()
    }
  }

  // ---- before the first epoch

  private async prepare(): Promise<Prepared> {
    const { hooks, host } = this
    let { options } = this
    if (isGpu(options.device)) await requireDevice(options.device!)
    const trainSet = await host.dataset(options, 'train', hooks)
    const valSet = await host.dataset(options, 'val', hooks)
    this.tellFaults(trainSet)
    this.tellFaults(valSet)
    this.emit({ type: 'labels', names: trainSet.names, boxes: datasetStatistics(trainSet).boxes })

    let { definition, model, ema } = this.model(trainSet.names.length)
    const family = families[definition.family]
    for (const note of definition.notes) this.message('info', note)
    this.requireHyp(definition)
    const stride = Math.max(...definition.strides, 32)
    const side = (px: number, doing: string) => {
      const whole = Math.ceil(px / stride) * stride
      if (whole !== px)
        this.message('warning', `Image size ${px} is no multiple of the stride ${stride}: ${doing} at ${whole}.`)
      return whole
    }
    const imagePx = side(options.imagePx, 'training')
    const valImagePx = options.valImagePx === undefined ? imagePx : side(options.valImagePx, 'validating')
    if (!this.resume) {
      definition = this.fitAnchors(definition, trainSet, imagePx)
      model = roundThroughHalf(model)
    }

    const training = trainingSizes(definition, options, imagePx, stride)
    if (training.sizes.length > 1)
      this.message('info', `Batches are scaled to ${training.sizes.join(', ')} px by chance.`)
    if (options.batchSize === -1) {
      const { batchSize, bytes } = autoBatch(definition, Math.max(imagePx, ...training.sizes))
      options = this.options = { ...options, batchSize }
      this.message('info', `Batch size ${batchSize}: about ${(bytes / 1e9).toFixed(1)} GB of memory.`)
    }
    const rect = options.rect && !options.imageWeights
    if (options.rect && !rect) this.message('warning', '--image-weights draws images one by one: --rect is left out.')

    const threads = options.threads > 0 ? options.threads : cpus().length
    const device = options.device ?? 'cpu'
    const runtime = { threads, spinning: options.spin, device }
    const layout = await imageLayoutFor(options.layout, device)
    const trainLoader = await host.trainLoader(
      options,
      {
        dataset: trainSet,
        ...training,
        batchSize: options.batchSize,
        stride,
        hyp: family.augment(options.hyp),
        seed: options.seed,
        layout,
        rect,
        ...(options.imageWeights && { imageWeights: () => imageWeights(trainSet, this.maps) }),
        epochs: options.epochs,
      },
      hooks,
    )
    // As v7.0: twice the training batch, rectangular.
    const sizes = { imagePx: valImagePx, batchSize: 2 * options.batchSize, stride }
    const valLoader = await host.valLoader(options, valSet, sizes, hooks)
    const program = await host.trainProgram(definition, {
      optimizer: options.optimizer,
      frozen: frozenLayers(options.freeze),
      focal: (options.hyp['fl_gamma'] ?? 0) > 0,
      layout: options.layout,
      runtime,
    })
    program.start(model, ema)
    if (this.resume) program.state.loadOptimizer(this.resume.optimizer)

    const schedule = family.schedule({
      epochs: options.epochs,
      batches: trainLoader.batches,
      batchSize: options.batchSize,
      ...(options.accumulate !== undefined && { accumulate: options.accumulate }),
      cosLr: options.cosLr,
      optimizer: options.optimizer,
      hyp: options.hyp,
    })
    const startEpoch = this.resume ? this.resume.epoch + 1 : 0
    const summary = summarise(definition)
    const form = layout.kind === 'blocked' ? `blocked layout (${layout.block})` : 'plain layout'
    this.emit({
      type: 'start',
      startEpoch,
      epochs: options.epochs,
      batches: trainLoader.batches,
      names: trainSet.names,
      images: { train: trainSet.paths.length, val: valSet.paths.length },
      imagePx: { train: imagePx, val: valImagePx },
      modelTable: [...summary.table, summary.text],
      parameters: summary.parameters,
      gflops: summary.gflops,
      device: isGpu(device) ? `GPU (${device})` : `CPU, ${threads} thread${threads === 1 ? '' : 's'}, ${form}`,
      ...(options.saveDir !== undefined && { saveDir: options.saveDir }),
    })
    const trial = trialOf(definition, options, imagePx)
    const prepared = {
      definition,
      names: trainSet.names,
      paths: trainSet.paths,
      imagePx,
      threads,
      trainLoader,
      valLoader,
      program,
      trial,
      schedule,
      family,
      startEpoch,
    }
    this.openFolder(prepared)
    return prepared
  }

  /** The model with the weights to start from: fresh, pretrained, or those of the interrupted training. */
  private model(classes: number): { definition: ModelDefinition; model: Weights; ema: Weights } {
    const { cfg, weights, hyp, seed, resume } = this.options
    if (this.resume) {
      const file = loadDetectorFile(resume)
      return { definition: file.definition, model: this.resume.model, ema: file.weights }
    }
    const anchors = hyp['anchors']
    const options = { classes, ...(anchors !== undefined && { anchors }) }
    const models = () => (cfg === '' ? [] : [loadModel(cfg), loadModel(cfg, options)])
    const pretrained = weights === '' ? undefined : loadPretrained(weights, models)
    if (cfg === '' && !pretrained?.yaml) throw new ModelNotGivenError(weights)
    const definition = cfg !== '' ? loadModel(cfg, options) : parseModel(pretrained!.yaml!, pretrained!.source, options)
    if (pretrained?.note !== undefined) this.message('info', pretrained.note)
    const fresh = initialWeights(definition, seed)
    if (!pretrained) return { definition, model: fresh, ema: fresh }
    const transfer = transferWeights(fresh, pretrained.weights)
    this.message('info', `Transferred ${transfer.taken} of ${transfer.total} tensors from ${weights}`)
    return { definition, model: transfer.weights, ema: transfer.weights }
  }

  private fitAnchors(definition: ModelDefinition, dataset: Dataset, imagePx: number): ModelDefinition {
    const { autoAnchor, hyp, seed } = this.options
    const { tellAnchors, loss } = families[definition.family]
    const { source, anchorsPx } = definition
    const random = randomFor(seed, 0)
    const onMessage = (level: 'info' | 'warning', text: string) => this.message(level, text)
    if (tellAnchors) {
      tellAnchors(dataset, { source, anchorsPx, imagePx, iouT: hyp[loss.threshold]!, random, onMessage })
      return definition
    }
    if (!autoAnchor) {
      if (definition.anchorsArePlaceholders)
        this.message('warning', 'The anchors are placeholders and AutoAnchor is off: give anchors in the model file.')
      return definition
    }
    const checked = checkAnchors(dataset, {
      anchorsPx,
      strides: definition.strides,
      imagePx,
      threshold: hyp['anchor_t']!,
      random,
      onMessage,
      onProgress: (done, total) => this.emit({ type: 'stage', stage: 'anchors', done, total }),
    })
    return checked.changed ? withAnchors(definition, checked.anchorsPx) : definition
  }

  /** The hyperparameters must be those of the model's family. */
  private requireHyp({ family, source }: ModelDefinition): void {
    const { hypKeys, title, usualHyp } = families[family]
    const missing = hypKeys.filter((key) => this.options.hyp[key] === undefined)
    if (missing.length > 0) throw new HypFamilyError(source, title, missing, usualHyp)
  }

  /** Settings into the run's folder, and a checkpoint that an interruption in the first epoch can resume from. */
  private openFolder(prepared: Prepared): void {
    const { saveDir, save, hyp } = this.options
    if (saveDir === undefined) return
    mkdirSync(saveDir, { recursive: true })
    if (this.resume) new ResultsFile(join(saveDir, 'results.csv')).dropFrom(prepared.startEpoch)
    if (save === 'never' || save === 'resume' || this.resume) return
    writeFileSync(join(saveDir, 'hyp.yaml'), stringify(hyp))
    writeFileSync(join(saveDir, 'opt.yaml'), stringify({ ...this.options, hyp: 'hyp.yaml' }))
    if (save === 'every') this.saveLast(prepared, -1)
  }

  private tellFaults({ split, counts, faults }: Dataset): void {
    const { found, missing, empty, corrupt } = counts
    this.message('info', `${split}: ${found} images with labels, ${missing + empty} background, ${corrupt} left out`)
    const told = faults.filter(({ kind }) => kind !== 'label-missing' && kind !== 'label-empty')
    for (const fault of told.slice(0, toldFaults)) this.message('warning', describeFault(fault))
    if (told.length > toldFaults)
      this.message('warning', `… and ${told.length - toldFaults} more files of ${split} with faults.`)
  }

  // ---- epochs

  private async epochs(prepared: Prepared): Promise<TrainResult> {
    const { options } = this
    const { startEpoch, valLoader, program } = prepared
    let epoch = startEpoch
    let ended: TrainResult['ended'] = 'finished'
    for (; epoch < options.epochs; epoch++) {
      const trained = await this.trainEpoch(epoch, prepared).catch((error: unknown) => {
        if (this.hooks.signal?.aborted) return undefined // the loader rejects what it was asked for
        throw error
      })
      if (!trained) {
        ended = 'interrupted'
        break
      }
      const last = epoch + 1 === options.epochs || epoch - this.stopper.bestEpoch >= stopAfter(options.patience)
      const validationStart = performance.now()
      const waited = valLoader.waitMs
      const validated = options.validate === 'every' || last
      if (validated) {
        const metrics = await this.validate(prepared, program.state.toWeights('ema'))
        if (!metrics) {
          ended = 'interrupted'
          break
        }
        this.results = resultsOf(metrics)
        this.maps = metrics.maps
        this.fitness = prepared.family.fitness(metrics)
        this.emit({ type: 'val', rows: metrics.perClass, final: false })
      }
      const value = this.fitness
      const stop = this.stopper.update(epoch, value)
      const best = value >= this.bestFitness
      if (best) this.bestFitness = value
      const row = { epoch, trainLosses: trained.losses, results: validated ? this.results : undefined, lr: trained.lr }
      if (options.saveDir !== undefined) new ResultsFile(join(options.saveDir, 'results.csv')).append(row)
      this.emit({
        type: 'epoch',
        epoch,
        epochs: options.epochs,
        trainLosses: trained.losses,
        ...(validated && { results: this.results, fitness: value }),
        best,
        lr: trained.lr,
        seconds: {
          train: trained.seconds,
          val: (performance.now() - validationStart) / 1000,
          waitForData: trained.waitSeconds + (valLoader.waitMs - waited) / 1000,
        },
      })
      this.saveEpoch(prepared, epoch, best, last)
      if (stop) {
        this.message(
          'info',
          `No improvement in the last ${options.patience} epochs, stopped early. The best epoch was ${this.stopper.bestEpoch}.`,
        )
        ended = 'early-stop'
        epoch++
        break
      }
    }
    if (ended !== 'interrupted') await this.finish(prepared, epoch - 1)
    return {
      results: this.results,
      fitness: this.fitness,
      bestFitness: this.bestFitness,
      bestEpoch: this.stopper.bestEpoch,
      epochs: epoch,
      ended,
      ...(options.saveDir !== undefined && { saveDir: options.saveDir }),
      seconds: (performance.now() - this.started) / 1000,
    }
  }

  /** Undefined if it was interrupted. */
  private async trainEpoch(epoch: number, prepared: Prepared) {
    const { trainLoader, program, schedule, trial, family } = prepared
    const { hooks } = this
    const start = performance.now()
    const waited = trainLoader.waitMs
    const means: [number, number, number] = [0, 0, 0]
    let i = 0
    let now: Iteration | undefined
    for await (const batch of trainLoader.epoch(epoch)) {
      if (hooks.signal?.aborted) return undefined
      const iteration = epoch * trainLoader.batches + i
      now = schedule.at(iteration)
      const step = schedule.steps(iteration, this.lastStep)
      if (step) this.lastStep = iteration
      if (epoch === 0 && i < picturedBatches) this.picture(batch, i, prepared)
      const numbers = { ...trial.numbers, overlapRatio: now.overlapRatio }
      const result = await program.run(
        batch,
        { ...trial, numbers },
        {
          step: step ? 1 : 0,
          learningRate: now.learningRate,
          momentum: now.momentum,
          weightDecay: now.weightDecay,
          emaDecay: emaDecay(program.state.updates + 1),
          maxNorm: family.maxNorm,
        },
      )
      if (!result.finite) throw new LossNotFiniteError(epoch, i)
      for (let k = 0; k < 3; k++) means[k] = (means[k]! * i + result.losses[k]!) / (i + 1)
      i++
      this.emit({
        type: 'batch',
        epoch,
        batch: i,
        batches: trainLoader.batches,
        losses: [...means],
        instances: batch.targets.length / 6,
        imagePx: Math.max(batch.height, batch.width),
        memoryBytes: process.memoryUsage.rss(),
      })
      await nextTurn()
    }
    if (hooks.signal?.aborted && i < trainLoader.batches) return undefined
    const { bias, decayed, norm } = now!.learningRate
    return {
      losses: means,
      lr: [bias, decayed, norm] as [number, number, number],
      seconds: (performance.now() - start) / 1000,
      waitSeconds: (trainLoader.waitMs - waited) / 1000,
    }
  }

  /** Validates weights; undefined if it was interrupted. `pictures` collects images and curves. */
  private async validate(prepared: Prepared, weights: Weights, pictures = false): Promise<Metrics | undefined> {
    const { definition, names, threads, valLoader, trial, family } = prepared
    const { hooks, options } = this
    const evaluator = await Evaluator.create(definition, weights, { threads, spinning: options.spin })
    const { numbers } = trial
    try {
      return await validate({
        run: (batch) => evaluator.run(batch),
        loader: valLoader.all(),
        names,
        singleCls: options.singleCls,
        rules: family.validation,
        computeLoss: validationLoss(gridAnchors(definition), trial.anchorThreshold, {
          ...numbers.gains,
          objPw: numbers.objPositiveWeight,
          clsPw: numbers.clsPositiveWeight,
          flGamma: numbers.focalGamma,
          labelSmoothing: numbers.labelSmoothing,
          balance: numbers.balance,
          form: family.loss,
        }),
        onBatch: (index, batch, detections) => {
          this.emit({ type: 'val-batch', batch: index + 1, batches: valLoader.batches })
          if (!pictures || index >= picturedBatches) return
          for (const picture of batchPictures(index, batch, detections))
            this.emit({ type: 'batch-images', batch: picture })
        },
        ...(hooks.signal && { signal: hooks.signal }),
      })
    } catch (error) {
      if (hooks.signal?.aborted) return undefined
      throw error
    } finally {
      await evaluator.dispose()
    }
  }

  /** After the last epoch: checkpoints lose what only a continued training needs; the best one is measured once more. */
  private async finish(prepared: Prepared, lastEpoch: number): Promise<void> {
    const { saveDir, save, plots } = this.options
    const { program, definition, names, imagePx } = prepared
    if (saveDir === undefined || save === 'never') return
    const info = { definition, names, imagePx, epoch: lastEpoch, results: this.results }
    const last = join(saveDir, 'weights', 'last.safetensors')
    if (save === 'resume') return saveDetector(last, info, program.state.toWeights('ema'))
    const best = loadDetectorFile(join(saveDir, 'weights', 'best.safetensors'))
    const metrics = await this.validate(prepared, best.weights, plots)
    if (!metrics) return
    saveDetector(last, info, program.state.toWeights('ema'))
    this.emit({ type: 'val', rows: metrics.perClass, final: true })
    this.emit({ type: 'curves', curves: metrics.curves })
  }

  // ---- files and pictures

  private saveEpoch(prepared: Prepared, epoch: number, best: boolean, last: boolean): void {
    const { saveDir, save, savePeriod } = this.options
    if (saveDir === undefined || save === 'never' || (save === 'last' && !last)) return
    if (save === 'resume') {
      if (!last) this.saveNowAndThen(prepared, epoch) // after the last one, finish saves
      return
    }
    this.saveLast(prepared, epoch)
    const info = this.info(prepared, epoch)
    const keep = (name: string) => {
      const path = join(saveDir, 'weights', name)
      saveDetector(path, info, prepared.program.state.toWeights('ema'))
      this.emit({ type: 'checkpoint', path, epoch, best: name.startsWith('best') })
    }
    if (best || save === 'last') keep('best.safetensors')
    if (savePeriod > 0 && epoch % savePeriod === 0) keep(`epoch${epoch}.safetensors`)
  }

  /** Saving takes 2 % of the time at most. */
  private saveNowAndThen(prepared: Prepared, epoch: number): void {
    const now = performance.now()
    if (now < this.nextCheckpoint) return
    this.saveLast(prepared, epoch)
    const after = performance.now()
    this.nextCheckpoint = after + Math.max(this.checkpointMs, 50 * (after - now))
  }

  private saveLast(prepared: Prepared, epoch: number): void {
    const path = join(this.options.saveDir!, 'weights', 'last.safetensors')
    const { state } = prepared.program
    const resume = {
      options: this.options,
      epoch,
      bestFitness: this.bestFitness,
      bestEpoch: this.stopper.bestEpoch,
      lastStep: this.lastStep,
      ...(this.options.imageWeights && { maps: this.maps }),
      model: state.toWeights('model'),
      optimizer: state.optimizerState(),
    }
    saveDetector(path, this.info(prepared, epoch), state.toWeights('ema'), { resume })
    this.emit({ type: 'checkpoint', path, epoch, best: false })
  }

  private info({ definition, names, imagePx }: Prepared, epoch: number): DetectorInfo {
    return { definition, names, imagePx, epoch, ...(epoch >= 0 && { results: this.results }) }
  }

  private picture(batch: TrainBatch, index: number, { paths }: Prepared): void {
    if (!this.options.plots || !this.hooks.onEvent) return
    const { images, layout, height, width, targets } = batch
    this.emit({
      type: 'batch-images',
      batch: {
        kind: 'train',
        index,
        images: toPlainImages(images, layout, batch.batch, height, width),
        batch: batch.batch,
        height,
        width,
        boxes: pixelBoxes(targets, width, height),
        files: Array.from(batch.indices, (i) => paths[i]!),
      },
    })
  }

  private message(level: 'info' | 'warning', text: string): void {
    this.emit({ type: 'message', level, text })
  }

  private emit(event: TrainEvent): void {
    this.hooks.onEvent?.(event)
  }
}

/** `[10]` freezes the first ten layers, several numbers these layers; `[0]` none. */
function frozenLayers(freeze: readonly number[]): number[] {
  return freeze.length > 1 ? [...freeze] : Array.from({ length: freeze[0] ?? 0 }, (_, layer) => layer)
}

const stopAfter = (patience: number) => (patience > 0 ? patience : Number.POSITIVE_INFINITY)

const resultsOf = ({
  precision,
  recall,
  mAP50,
  mAP50to95,
  valBoxLoss,
  valObjLoss,
  valClsLoss,
}: Metrics): EpochResults => ({
  precision,
  recall,
  mAP50,
  mAP50to95,
  valBoxLoss,
  valObjLoss,
  valClsLoss,
})

/** As v7.0 does before the first epoch: the weights under training, but not their moving average, lose float32's last bits. */
function roundThroughHalf(weights: Weights): Weights {
  return new Map(
    [...weights].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => fromHalf(toHalf(value))) },
    ]),
  )
}

/** Lets timers, messages and signals in between two blocking batches. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
