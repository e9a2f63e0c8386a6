// After the confirmation: the winner is measured once on images that no decision was made by, the `test:` split of the
// data set. The weights are those of a repeat, which are kept for that and deleted afterwards.
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FileWriteError } from '../../base/index.ts'
import type { Device, TrainEvent, TrainOptions } from '../../detect/index.ts'
import type { KeepPolicy } from '../../run/index.ts'
import type { CompleteTrial, Confirmation, History, Metrics } from '../../search/index.ts'
import type { Study } from '../../study/index.ts'
import { numberText } from '../console/text.ts'
import { Evaluation } from '../evaluation.ts'

/** Whether a data set names images for a test. */
export async function hasTestSplit(data: string | undefined): Promise<boolean> {
  if (data === undefined || !/\.ya?ml$/i.test(data)) return false
  const { readDatasetYaml } = await import('../../detect/index.ts')
  try {
    return readDatasetYaml(data).test.length > 0
  } catch {
    return false // what is wrong with the file is told by whoever trains on it
  }
}

/**
 * Trials whose weights are kept for the test: of every hyp that was trained again the best repeat so far. For
 * `KeepPolicy.protect`.
 */
export function repeatsToTest({ repeats }: Pick<History, 'repeats'>): number[] {
  const best = new Map<number, CompleteTrial>()
  for (const trial of repeats) {
    if (trial.state !== 'complete') continue
    const before = best.get(trial.repeats!)
    if (!before || trial.fitness > before.fitness) best.set(trial.repeats!, trial)
  }
  return [...best.values()].map(({ number }) => number)
}

export interface TestSplitOptions {
  readonly study: Study
  /** Of the study. */
  readonly folder: string
  readonly confirmation: Confirmation
  /** Of our own trainer; left out: another one trained, and its weights are not read here. */
  readonly options: TrainOptions | undefined
  /** The data set file, if the trainer was told one. */
  readonly data: string | undefined
  /** As of the evolution: with `all` the weights of repeats stay. */
  readonly keep: KeepPolicy
  readonly device?: Device
  readonly signal?: AbortSignal
  readonly onEvent?: (event: TrainEvent) => void
}

/**
 * Measures the winner on the test split, keeps what came of it in `trials/<number>/test.json`, and deletes the weights
 * that were kept for it. The second time it only says what is in that file.
 *
 * @returns what people are told; nothing if the data set has no test split or the study no winner
 */
export async function testSplitLines(request: TestSplitOptions): Promise<string[]> {
  const { study, confirmation, options, data } = request
  const { winner } = confirmation
  if (winner === undefined || !(await hasTestSplit(data))) return []
  const { trialFolder } = await import('../../run/index.ts')
  const who = winner.isStart ? 'the start' : `trial ${winner.number}`
  const byHand = `hypevolve best ${study.name} --train, then hypevolve val --data ${data} --split test --weights <its best weights>`
  if (options === undefined)
    return [`${data} has a test split. It is measured only where Hypevolve itself trains. Do it once, with ${byHand}.`]
  const number = repeatsToTest(study.history).find((each) => study.history.get(each)?.repeats === winner.number)
  if (number === undefined)
    return [`The test split was not looked at: ${who} was not trained again. Do it once, with ${byHand}.`]
  const file = join(trialFolder(request.folder, number), 'test.json')
  const metrics = (await readMetrics(file)) ?? (await measure(request, options, number, file))
  if (metrics === undefined)
    return [`The test split was not looked at: the weights of trial ${number} are gone. Do it once, with ${byHand}.`]
  await deleteWeights(request)
  return [
    `On the test split, which nothing was chosen by, ${who} has mAP50 ${numberText(metrics.mAP50!)}, mAP50-95 ` +
      `${numberText(metrics.mAP50to95!)}, precision ${numberText(metrics.precision!)}, recall ${numberText(metrics.recall!)} ` +
      `(one training, trial ${number}). Do not choose by these figures, or they stop being a test.`,
  ]
}

async function measure(
  { folder, data, device = 'cpu', signal, onEvent }: TestSplitOptions,
  options: TrainOptions,
  number: number,
  file: string,
): Promise<Metrics | undefined> {
  const { trialFolder } = await import('../../run/index.ts')
  const weights = join(trialFolder(folder, number), 'weights', 'last.safetensors')
  if (!existsSync(weights)) return undefined
  const { batchSize, singleCls, workers, threads } = options
  const evaluation = await Evaluation.open(
    { data: data!, split: 'test', singleCls, workers, threads, device, batchSize },
    { ...(signal && { signal }), ...(onEvent && { onEvent }) },
  )
  try {
    const detector = await evaluation.detector(weights)
    try {
      const imagePx = options.valImagePx ?? options.imagePx
      // As trainings are validated, and `hypevolve val` does.
      const judged = await evaluation.judge(detector, {
        ...{ imagePx, batchSize, confidence: 0.001, iou: 0.6, maxDetections: 300 },
      })
      const { precision, recall, mAP50, mAP50to95 } = judged
      const metrics = { precision, recall, mAP50, mAP50to95 }
      await writeFile(file, `${JSON.stringify(metrics, undefined, 2)}\n`).catch((cause: NodeJS.ErrnoException) => {
        throw new FileWriteError(file, cause)
      })
      return metrics
    } finally {
      await detector.network.dispose()
    }
  } finally {
    await evaluation.close()
  }
}

async function readMetrics(file: string): Promise<Metrics | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const metrics = JSON.parse(text) as Metrics
    return ['mAP50', 'mAP50to95', 'precision', 'recall'].every((key) => typeof metrics[key] === 'number')
      ? metrics
      : undefined
  } catch {
    return undefined // cut off while it was written: it is measured again
  }
}

/** Of all repeats: nothing needs them any more. */
async function deleteWeights({ study, folder, keep }: TestSplitOptions): Promise<void> {
  if (keep.kind === 'all') return
  const { trialFolder } = await import('../../run/index.ts')
  for (const number of repeatsToTest(study.history)) {
    const path = join(trialFolder(folder, number), 'weights')
    if (!existsSync(path)) continue
    await rm(path, { recursive: true, force: true })
    await study.removeArtifact(number, path)
  }
}
