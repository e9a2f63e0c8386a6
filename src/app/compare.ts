// `hypevolve compare`: two detectors on the same images, and how sure their difference is.
import type { Difference, MarkedImage, PairedComparison, TrainEvent } from '../detect/index.ts'
import type { CompareFlags } from './cli/compare.ts'
import { type TableColumn, tableLines } from './console/table.ts'
import { Terminal } from './console/terminal.ts'
import { counted, progressText } from './console/text.ts'
import { TrainConsole } from './console/train-console.ts'
import { chooseDevice } from './device.ts'
import { Evaluation } from './evaluation.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'
import { watchInterrupts } from './interrupt.ts'
import { printJson } from './val-context.ts'

/** @returns the exit code */
export async function runCompare(a: string, b: string, flags: CompareFlags): Promise<number> {
  const terminal = flags.json ? new Terminal(process.stderr) : new Terminal()
  const device = await chooseDevice(flags.device, terminal)
  goOffline(flags)
  await fetchAssets({ data: flags.data, weights: a }, terminal)
  await fetchAssets({ weights: b }, terminal)
  const interrupts = watchInterrupts(terminal)
  const display = new TrainConsole(terminal, { detail: 'full' })
  const hooks = { onEvent: (event: TrainEvent) => display.onEvent(event), signal: interrupts.signal }
  let evaluation: Evaluation | undefined
  try {
    evaluation = await Evaluation.open({ ...flags, device }, hooks)
    const { names } = evaluation
    const first = await mark(evaluation, a, flags)
    const second = sameOrder(first, await mark(evaluation, b, flags))
    terminal.discard()
    const comparison = await resample(first, second, {
      flags,
      classes: names.length,
      terminal,
      signal: interrupts.signal,
    })
    if (flags.json) printJson({ a, b, split: flags.split, ...record(comparison, names) })
    else for (const line of report(comparison, { a, b, names, split: flags.split })) terminal.line(line)
    return 0
  } catch (error) {
    if (interrupts.signal.aborted) return interrupts.exitCode ?? 130
    throw error
  } finally {
    terminal.finish()
    interrupts.stop()
    await evaluation?.close()
  }
}

/** The marked detections of one detector on all images. */
async function mark(evaluation: Evaluation, weights: string, flags: CompareFlags): Promise<readonly MarkedImage[]> {
  const { Marks } = await import('../detect/index.ts')
  const marks = new Marks(evaluation.names.length)
  const detector = await evaluation.detector(weights, /\.(weights|conv\.\d+)$/i.test(weights) ? flags.cfg : undefined)
  try {
    await evaluation.judge(detector, {
      imagePx: flags.imgsz ?? detector.imagePx,
      batchSize: flags.batchSize,
      confidence: flags.confThres,
      iou: flags.iouThres,
      maxDetections: flags.maxDet,
      marks,
    })
  } finally {
    await detector.network.dispose()
  }
  return marks.images
}

/** The order depends on the shape of the batches, which a model may fix. */
function sameOrder(first: readonly MarkedImage[], second: readonly MarkedImage[]): readonly MarkedImage[] {
  const byPath = new Map(second.map((image) => [image.path, image]))
  return first.map(({ path }) => byPath.get(path)!)
}

/** Draws in portions, so that Ctrl-C is heard and the console can tell how far it is. */
async function resample(
  first: readonly MarkedImage[],
  second: readonly MarkedImage[],
  {
    flags,
    classes,
    terminal,
    signal,
  }: { flags: CompareFlags; classes: number; terminal: Terminal; signal: AbortSignal },
): Promise<PairedComparison> {
  const { PairedBootstrap } = await import('../detect/index.ts')
  const bootstrap = new PairedBootstrap(first, second, { classes, seed: flags.seed })
  const began = performance.now()
  while (bootstrap.draws < flags.resamples) {
    signal.throwIfAborted()
    bootstrap.draw(Math.min(50, flags.resamples - bootstrap.draws))
    if (terminal.interactive) {
      const seconds = (performance.now() - began) / 1000
      terminal.live(`resampling: ${progressText(bootstrap.draws, flags.resamples, seconds)}`)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  terminal.discard()
  return bootstrap.comparison()
}

interface Row extends Difference {
  readonly name: string
}

const figure = (value: number) => (Number.isNaN(value) ? '-' : value.toFixed(3))
const signed = (value: number) => (Number.isNaN(value) ? '-' : `${value >= 0 ? '+' : ''}${value.toFixed(3)}`)

const columns: readonly TableColumn<Row>[] = [
  { title: '', align: 'left', text: ({ name }) => name },
  { title: 'A', text: ({ a }) => figure(a) },
  { title: 'B', text: ({ b }) => figure(b) },
  { title: 'B - A', text: ({ difference }) => signed(difference) },
  { title: '95 % interval', text: ({ low, high }) => `${signed(low)} to ${signed(high)}` },
  {
    title: 'B better',
    text: ({ probabilityBetter: p }) => (Number.isNaN(p) ? '-' : `${(100 * p).toFixed(1)} %`),
  },
]

function report(
  { mAP50, mAP50to95, perClass50, perClass50to95, images, resamples }: PairedComparison,
  { a, b, names, split }: { a: string; b: string; names: readonly string[]; split: string },
): string[] {
  const classes =
    names.length > 1
      ? names.flatMap((name, index) => [
          { name: `${name}, AP50`, ...perClass50[index]! },
          { name: `${name}, AP50-95`, ...perClass50to95[index]! },
        ])
      : []
  return [
    `A ${a}`,
    `B ${b}`,
    '',
    ...tableLines(columns, [{ name: 'mAP50', ...mAP50 }, { name: 'mAP50-95', ...mAP50to95 }, ...classes]),
    '',
    `${counted(images, 'image')} of ${split}, ${resamples} draws of them. ${verdict(mAP50to95)}`,
  ]
}

function verdict({ low, high }: Difference): string {
  if (low > 0) return 'B is better by mAP50-95: its interval lies above 0.'
  if (high < 0) return 'A is better by mAP50-95: the interval lies below 0.'
  return 'By mAP50-95 these images do not tell which is better: the interval holds 0.'
}

const record = ({ perClass50, perClass50to95, ...rest }: PairedComparison, names: readonly string[]) => ({
  ...rest,
  perClass: names.map((name, index) => ({ name, AP50: perClass50[index], AP50to95: perClass50to95[index] })),
})
