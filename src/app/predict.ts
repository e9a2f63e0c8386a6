// `hypevolve predict`: looks at files with a detector, in this process.
import { join } from 'node:path'
import { type ImageUnreadableError, UsageError } from '../base/index.ts'
import type { Detection, Prediction } from '../detect/index.ts'
import type { PredictFlags } from './cli/predict.ts'
import { Terminal } from './console/terminal.ts'
import { counted } from './console/text.ts'
import { chooseDevice } from './device.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'
import { watchInterrupts } from './interrupt.ts'
import { Predictions } from './predictions.ts'

/** @returns the exit code */
export async function runPredict(flags: PredictFlags): Promise<number> {
  if (flags.saveConf && !flags.saveTxt) throw new UsageError('--save-conf goes with --save-txt.')
  // With --json the standard output belongs to whoever reads it.
  const terminal = flags.json ? new Terminal(process.stderr) : new Terminal()
  const device = await chooseDevice(flags.device, terminal)
  goOffline(flags)
  await fetchAssets(flags, terminal)
  const detect = await import('../detect/index.ts')
  const detector = await detect.loadDetector(flags.weights, {
    device,
    ...(flags.threads > 0 && { threads: flags.threads }),
    ...(flags.cfg !== undefined && { cfg: flags.cfg }),
    ...(flags.data !== undefined && { names: detect.readDatasetYaml(flags.data).names }),
  })
  const interrupts = watchInterrupts(terminal)
  let unreadable = 0
  const options = {
    confidence: flags.confThres,
    iou: flags.iouThres,
    maxDetections: flags.maxDet,
    agnostic: flags.agnosticNms,
    videoStride: flags.vidStride,
    signal: interrupts.signal,
    ...(flags.imgsz !== undefined && { imagePx: flags.imgsz }),
    ...(flags.classes && { classes: classNumbers(flags.classes, detector.names) }),
    onUnreadable: (error: ImageUnreadableError) => {
      unreadable++
      terminal.warn(error.message)
    },
  }
  const totals = new Totals()
  const output = flags.json ? new JsonArray(process.stdout) : undefined
  let predictions: Predictions | undefined
  try {
    detect.listSources(flags.source) // before a folder is made
    const folder = await runFolder(flags)
    predictions = folder === undefined ? undefined : new Predictions(folder, outputOptions(flags))
    for await (const prediction of detect.predict(detector, flags.source, options)) {
      await predictions?.add(prediction)
      totals.add(prediction)
      output?.add(record(prediction))
      if (!flags.json) terminal.line(lineOf(prediction))
    }
    await predictions?.close()
    if (totals.images > 0) terminal.line(totals.text())
    if (folder !== undefined) terminal.line(`Results saved to ${terminal.bold(folder)}`)
    if (unreadable > 0)
      terminal.warn(
        `${counted(unreadable, 'image')} could not be read and ${unreadable === 1 ? 'was' : 'were'} left out.`,
      )
    return totals.images > 0 ? 0 : 1
  } catch (error) {
    if (interrupts.signal.aborted) return interrupts.exitCode ?? 130
    throw error
  } finally {
    output?.close()
    terminal.finish()
    interrupts.stop()
    await detector.close()
  }
}

/** The run's folder, if anything is to be written. */
async function runFolder({
  nosave,
  saveTxt,
  saveCrop,
  project,
  name,
  existOk,
}: PredictFlags): Promise<string | undefined> {
  if (nosave && !saveTxt && !saveCrop) return undefined
  const { incrementPath } = await import('../run/index.ts')
  return incrementPath(join(project, name), { existOk })
}

const outputOptions = (flags: PredictFlags) => ({
  pictures: !flags.nosave,
  labels: flags.saveTxt,
  confidences: flags.saveConf,
  crops: flags.saveCrop,
  line: flags.lineThickness,
  videoStride: flags.vidStride,
  labelText: ({ className, confidence }: Detection) =>
    flags.hideLabels ? undefined : flags.hideConf ? className : `${className} ${confidence.toFixed(2)}`,
})

/** Class numbers from numbers and names. */
function classNumbers(wanted: readonly string[], names: readonly string[]): number[] {
  return wanted.map((text) => {
    const number = names.includes(text) ? names.indexOf(text) : Number(text)
    if (Number.isInteger(number) && number >= 0 && number < names.length && text.trim() !== '') return number
    const shown = names.slice(0, 20).map((name, index) => `${index} ${name}`)
    const more = names.length > shown.length ? ', …' : ''
    throw new UsageError(`--classes ${text}: the detector's classes are ${shown.join(', ')}${more}.`)
  })
}

/** 'image 1/2 photos/bus.jpg: 640x480 4 persons, 1 bus, 12.3ms', as YOLOv5 writes it. */
function lineOf({ kind, file, files, frame, path, seen, detections, ms }: Prediction): string {
  const counts = new Map<string, number>()
  const byClass = [...detections].sort((a, b) => a.classIndex - b.classIndex)
  for (const { className } of byClass) counts.set(className, (counts.get(className) ?? 0) + 1)
  const found = [...counts].map(([name, count]) => counted(count, name)).join(', ')
  const place = frame === undefined ? '' : ` (frame ${frame})`
  return `${kind} ${file}/${files}${place} ${path}: ${seen.height}x${seen.width} ${found || '(no detections)'}, ${ms.inference.toFixed(1)}ms`
}

/** One element of the array of `--json`. */
const record = ({ path, frame, image, detections }: Prediction) => ({
  path,
  ...(frame !== undefined && { frame }),
  width: image.width,
  height: image.height,
  detections: detections.map(({ box, classIndex, className, confidence }) => ({
    class: classIndex,
    name: className,
    confidence: rounded(confidence, 5),
    box: [box.x1, box.y1, box.x2, box.y2].map((value) => rounded(value, 3)),
  })),
})

const rounded = (value: number, digits: number) => Number(value.toFixed(digits))

/** An array that is written while it grows. */
class JsonArray {
  #count = 0
  constructor(private readonly output: NodeJS.WritableStream) {}

  add(element: unknown): void {
    this.output.write(`${this.#count++ === 0 ? '[\n' : ',\n'}  ${JSON.stringify(element)}`)
  }

  close(): void {
    this.output.write(this.#count === 0 ? '[]\n' : '\n]\n')
  }
}

/** Mean times, as YOLOv5 sums them up. */
class Totals {
  images = 0
  readonly #ms = { preprocess: 0, inference: 0, suppression: 0 }

  add({ ms }: Prediction): void {
    this.images++
    for (const phase of ['preprocess', 'inference', 'suppression'] as const) this.#ms[phase] += ms[phase]
  }

  text(): string {
    const mean = (phase: keyof Prediction['ms']) => (this.#ms[phase] / this.images).toFixed(1)
    return `Speed: ${mean('preprocess')}ms pre-process, ${mean('inference')}ms inference, ${mean('suppression')}ms NMS per image`
  }
}
