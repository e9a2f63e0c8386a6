// The tasks of `hypevolve val` beyond measuring a split: speed and study.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileWriteError, formatG } from '../base/index.ts'
import { tableLines } from './console/table.ts'
import type { Judged } from './evaluation.ts'
import { phasesOf, printJson, runFolder, stemOf, type ValContext } from './val-context.ts'

/** Longest time per batch size. */
const speedMs = 5000

/** `--task speed`: where the time goes, for batches of 1, 2, 4, …. Source: yolov5 v7.0 val.py, task speed. */
export async function measureSpeed({ flags, terminal, evaluation, detector }: ValContext): Promise<void> {
  const sizes = [detector.fixed.batch ?? 1]
  if (detector.fixed.batch === undefined)
    while (sizes.at(-1)! < flags.batchSize) sizes.push(Math.min(2 * sizes.at(-1)!, flags.batchSize))
  const judged: (Judged & { readonly batch: number })[] = []
  for (const batch of sizes) {
    const options = {
      imagePx: flags.imgsz,
      batchSize: batch,
      confidence: 0.25,
      iou: 0.45,
      maxDetections: flags.maxDet,
      square: true,
    }
    await evaluation.judge(detector, { ...options, limitMs: 1 }) // memory and code are warm then
    judged.push({ batch, ...(await evaluation.judge(detector, { ...options, limitMs: speedMs })) })
  }
  terminal.discard()
  const ms = (value: number) => value.toFixed(2)
  const total = ({ msPerImage: { loader, network, suppression } }: Judged) => loader + network + suppression
  const columns = [
    { title: 'Batch', text: ({ batch }: (typeof judged)[number]) => String(batch) },
    { title: 'Images', text: ({ images }: Judged) => String(images) },
    { title: 'pre-process ms', text: ({ msPerImage }: Judged) => ms(msPerImage.loader) },
    { title: 'inference ms', text: ({ msPerImage }: Judged) => ms(msPerImage.network) },
    { title: 'NMS ms', text: ({ msPerImage }: Judged) => ms(msPerImage.suppression) },
    { title: 'images/s', text: (each: Judged) => (1000 / total(each)).toFixed(1) },
  ]
  for (const line of tableLines(columns, judged)) terminal.line(line)
  terminal.line(
    `Per image at ${judged[0]!.shape[2]} px, confidence 0.25, IoU 0.45. Pre-process is the time that the network waits for images that ${flags.workers > 0 ? 'other threads' : 'this thread'} decode and scale.`,
  )
  if (flags.json)
    printJson(
      judged.map((each) => ({
        batch: each.batch,
        images: each.images,
        msPerImage: phasesOf(each.msPerImage),
        imagesPerSecond: 1000 / total(each),
      })),
    )
}

/** Image sizes of `--task study`, as in YOLOv5. */
const studyPx = Array.from({ length: 11 }, (_, i) => 256 + 128 * i)

/** `--task study`: figures and times by image size. Source: yolov5 v7.0 val.py, task study. */
export async function studySizes({ flags, terminal, evaluation, detector }: ValContext): Promise<void> {
  const folder = await runFolder(flags)
  const judged: (Judged & { readonly px: number })[] = []
  for (const px of flags.sizes ?? studyPx) {
    const options = {
      imagePx: px,
      batchSize: flags.batchSize,
      confidence: flags.confThres,
      iou: flags.iouThres,
      maxDetections: flags.maxDet,
    }
    judged.push({ px, ...(await evaluation.judge(detector, options)) })
  }
  terminal.discard()
  const figure = (title: string, value: (each: Judged) => number, digits = 3) => ({
    title,
    text: (each: Judged) => value(each).toFixed(digits),
  })
  const columns = [
    { title: 'Size', text: ({ px }: (typeof judged)[number]) => String(px) },
    figure('P', ({ precision }) => precision),
    figure('R', ({ recall }) => recall),
    figure('mAP50', ({ mAP50 }) => mAP50),
    figure('mAP50-95', ({ mAP50to95 }) => mAP50to95),
    figure('inference ms', ({ msPerImage }) => msPerImage.network, 1),
    figure('NMS ms', ({ msPerImage }) => msPerImage.suppression, 1),
  ]
  for (const line of tableLines(columns, judged)) terminal.line(line)
  const rows = judged.map(({ precision, recall, mAP50, mAP50to95, msPerImage: { loader, network, suppression } }) =>
    [precision, recall, mAP50, mAP50to95, 0, 0, 0, loader, network, suppression]
      .map((value) => formatG(value, 4, 10))
      .join(' '),
  )
  const path = join(folder, `study_${stemOf(flags.data)}_${stemOf(flags.weights)}.txt`)
  await writeFile(path, `${rows.join('\n')}\n`).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(path, cause)
  })
  if (flags.json) printJson(judged.map(({ px, perClass }) => ({ px, ...perClass[0] })))
  terminal.line(`Results saved to ${terminal.bold(path)}`)
}
