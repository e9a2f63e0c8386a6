// `hypevolve val`: measures a detector on a split of a data set, in this process.
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { DatasetClassesMismatchError } from '../base/index.ts'
import type { TrainEvent } from '../detect/index.ts'
import type { ValFlags } from './cli/val.ts'
import { Terminal } from './console/terminal.ts'
import { TrainConsole } from './console/train-console.ts'
import { chooseDevice } from './device.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'
import { watchInterrupts } from './interrupt.ts'
import { Pictures } from './pictures.ts'
import { workerCount } from './train-options.ts'

/** Most classes that are listed one by one without `--verbose`, as in YOLOv5. */
const listedClasses = 50

/** @returns the exit code */
export async function runVal(flags: ValFlags): Promise<number> {
  const terminal = new Terminal()
  chooseDevice(flags.device, terminal)
  const detect = await import('../detect/index.ts')
  goOffline(flags)
  await fetchAssets(flags, terminal)
  const detector = detect.loadDetectorFile(flags.weights)
  const { definition } = detector
  const interrupts = watchInterrupts(terminal)
  const display = new TrainConsole(terminal, { detail: 'full' })
  const hooks = { onEvent: (event: TrainEvent) => display.onEvent(event), signal: interrupts.signal }
  const host = new detect.TrainingHost()
  try {
    const workers = workerCount(flags.workers, flags.batchSize)
    const source = { data: flags.data, singleCls: flags.singleCls, cache: 'none', workers } as const
    const dataset = await host.dataset(source, flags.split, hooks)
    if (dataset.names.length !== definition.classes)
      throw new DatasetClassesMismatchError(flags.data, dataset.names.length, flags.weights, definition.classes)

    const stride = Math.max(...definition.strides, 32)
    const imagePx = Math.ceil(flags.imgsz / stride) * stride
    const loader = await host.valLoader(source, dataset, { imagePx, batchSize: flags.batchSize, stride }, hooks)
    const threads = flags.threads > 0 ? flags.threads : availableParallelism()
    const evaluator = await detect.Evaluator.create(definition, detector.weights, { threads, spinning: false })
    const metrics = await detect
      .validate({
        run: (batch) => evaluator.run(batch),
        loader: loader.all(),
        names: dataset.names,
        confidence: flags.confThres,
        iou: flags.iouThres,
        maxDetections: flags.maxDet,
        singleCls: flags.singleCls,
        rules: detect.families[definition.family].validation,
        onBatch: (index) => hooks.onEvent({ type: 'val-batch', batch: index + 1, batches: loader.batches }),
        signal: interrupts.signal,
      })
      .finally(() => evaluator.dispose())

    const rows = metrics.perClass
    const all = flags.verbose || rows.length <= listedClasses + 1
    hooks.onEvent({ type: 'val', rows: all ? rows : rows.slice(0, 1), final: true })
    const { network, suppression } = metrics.msPerImage
    terminal.line(
      `Per image at ${imagePx} px: ${network.toFixed(1)} ms network, ${suppression.toFixed(1)} ms suppression`,
    )
    if (!flags.noplots) await drawCurves(flags, metrics, dataset.names, terminal)
    return 0
  } catch (error) {
    if (interrupts.signal.aborted) return interrupts.exitCode ?? 130
    throw error
  } finally {
    terminal.finish()
    interrupts.stop()
    await host.close()
  }
}

async function drawCurves(
  flags: ValFlags,
  { curves }: Pick<import('../detect/index.ts').Metrics, 'curves'>,
  names: readonly string[],
  terminal: Terminal,
): Promise<void> {
  const { incrementPath } = await import('../run/index.ts')
  const folder = await incrementPath(join(flags.project, flags.name), { existOk: flags.existOk })
  const pictures = new Pictures(folder, (text) => terminal.warn(text))
  pictures.name(names)
  pictures.onEvent({ type: 'curves', curves })
  await pictures.finish()
  terminal.line(`Results saved to ${terminal.bold(folder)}`)
}
