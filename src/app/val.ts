// `hypevolve val`: measures a detector on a split of a data set, in this process.
import { join } from 'node:path'
import { UsageError } from '../base/index.ts'
import type { OpenDetector, TrainEvent } from '../detect/index.ts'
import type { ValFlags } from './cli/val.ts'
import { Terminal } from './console/terminal.ts'
import { TrainConsole } from './console/train-console.ts'
import { chooseDevice } from './device.ts'
import { Evaluation, type Judged } from './evaluation.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'
import { watchInterrupts } from './interrupt.ts'
import { Pictures } from './pictures.ts'
import { SavedDetections } from './saved-detections.ts'
import { phasesOf, printJson, runFolder, stemOf, type ValContext } from './val-context.ts'
import { measureSpeed, studySizes } from './val-tasks.ts'

/** Most classes that are listed one by one without `--verbose`, as in YOLOv5. */
const listedClasses = 50

/** @returns the exit code */
export async function runVal(flags: ValFlags): Promise<number> {
  const split = splitOf(flags)
  // With --json the standard output belongs to whoever reads it.
  const terminal = flags.json ? new Terminal(process.stderr) : new Terminal()
  const device = await chooseDevice(flags.device, terminal)
  goOffline(flags)
  await fetchAssets(flags, terminal)
  const interrupts = watchInterrupts(terminal)
  const display = new TrainConsole(terminal, { detail: 'full' })
  const tell = (event: TrainEvent) => display.onEvent(event)
  let evaluation: Evaluation | undefined
  let detector: OpenDetector | undefined
  try {
    evaluation = await Evaluation.open({ ...flags, split, device }, { onEvent: tell, signal: interrupts.signal })
    detector = await evaluation.detector(flags.weights, flags.cfg)
    const run = flags.task === 'speed' ? measureSpeed : flags.task === 'study' ? studySizes : measure
    await run({ flags, terminal, evaluation, detector, tell })
    return 0
  } catch (error) {
    if (interrupts.signal.aborted) return interrupts.exitCode ?? 130
    throw error
  } finally {
    terminal.finish()
    interrupts.stop()
    await detector?.network.dispose()
    await evaluation?.close()
  }
}

/** `--task train|val|test` is YOLOv5's word for `--split`. */
function splitOf({ task, split }: ValFlags): 'train' | 'val' | 'test' {
  if (task === undefined || task === 'speed' || task === 'study') return split ?? 'val'
  if (split !== undefined && split !== task)
    throw new UsageError(`--task ${task} and --split ${split} name two splits.`)
  return task
}

/** The usual: figures, tables, pictures, files. */
async function measure({ flags, terminal, evaluation, detector, tell }: ValContext): Promise<void> {
  const { batchPictures, picturedBatches } = await import('../detect/index.ts')
  const needsFolder = !flags.noplots || flags.saveTxt || flags.saveJson
  const folder = needsFolder ? await runFolder(flags) : undefined
  const pictures = flags.noplots ? undefined : new Pictures(folder!, (text) => terminal.warn(text))
  pictures?.name(evaluation.names)
  const isCoco = /coco[/\\]val2017\.txt$/.test(await splitText(flags))
  const saved =
    flags.saveTxt || flags.saveJson ? new SavedDetections({ confidences: flags.saveConf, coco: isCoco }) : undefined
  const metrics = await evaluation.judge(detector, {
    imagePx: flags.imgsz,
    batchSize: flags.batchSize,
    confidence: flags.confThres,
    iou: flags.iouThres,
    maxDetections: flags.maxDet,
    onBatch: (index, batch, detections, native) => {
      saved?.add(batch, native)
      if (!pictures || index >= picturedBatches) return
      for (const each of batchPictures(index, batch, detections))
        pictures.onEvent({ type: 'batch-images', batch: each })
    },
  })
  const rows = metrics.perClass
  const all = flags.verbose || rows.length <= listedClasses + 1
  tell({ type: 'val', rows: all ? rows : rows.slice(0, 1), final: true })
  terminal.line(speedText(metrics))
  pictures?.onEvent({ type: 'curves', curves: metrics.curves })
  await pictures?.finish()
  if (flags.saveTxt) await saved!.writeLabels(folder!)
  if (flags.saveJson) await saved!.writeResults(join(folder!, `${stemOf(flags.weights)}_predictions.json`))
  if (flags.json) printJson(record(metrics))
  if (folder !== undefined) terminal.line(`Results saved to ${terminal.bold(folder)}`)
}

/** 'Speed: 0.1ms pre-process, …', as YOLOv5 writes it; loading is what the network had to wait for images. */
function speedText({ msPerImage: { loader, network, suppression }, shape }: Judged): string {
  const ms = (value: number) => `${value.toFixed(1)}ms`
  return `Speed: ${ms(loader)} pre-process, ${ms(network)} inference, ${ms(suppression)} NMS per image at shape (${shape.join(', ')})`
}

/** What `--json` prints. */
const record = ({ perClass, msPerImage, curves, shape }: Judged) => ({
  ...perClass[0],
  perClass: perClass.slice(1),
  msPerImage: phasesOf(msPerImage),
  shape,
  confusion: curves.confusion,
})

/** What the data set file says of its validation images. */
async function splitText({ data }: ValFlags): Promise<string> {
  if (data === 'digits') return ''
  const { readDatasetYaml } = await import('../detect/index.ts')
  return readDatasetYaml(data).val.join('\n')
}
