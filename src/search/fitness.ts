// One number from the metrics of a training; larger is better.
import { FitnessInvalidError } from '../base/index.ts'
import { type Expression, evaluate, metricNames, parseExpression } from './fitness-expression.ts'
import { nearest } from './nearest.ts'
import type { Metrics } from './trial.ts'

/** Weights of precision, recall, mAP50 and mAP50-95 (or, before YOLOv5, of precision, recall, mAP and F1). */
export type FitnessWeights = readonly [number, number, number, number]

/** The four metrics that YOLOv5's weights are for. */
const fourOfYolov5 = ['precision', 'recall', 'mAP50', 'mAP50to95'] as const
/** The four of yolov3 before v9.0. */
const fourOfYolov3 = ['precision', 'recall', 'mAP50', 'f1'] as const

interface Preset {
  readonly metrics: readonly [string, string, string, string]
  readonly weights: FitnessWeights
}

const yolov3 = (...weights: FitnessWeights): Preset => ({ metrics: fourOfYolov3, weights })

/**
 * What each release and commit ranks by. Source: reference/evolve/fitness.json.
 *
 * YOLOv5's population search (2024 and later) selects by `mAP50` alone and shows its results by `yolov5`.
 */
export const fitnessPresets = {
  /** Every YOLOv5 release, and yolov3 v9.0 and later. */
  yolov5: { metrics: fourOfYolov5, weights: [0, 0, 0.1, 0.9] },
  /** yolov3 v7 and v8, and their commits since 2020-01-31. */
  'yolov3-v8': yolov3(0, 0.01, 0.99, 0),
  /** 2020-01-22, the later of two. */
  'yolov3-c7bf7f3d': yolov3(0.01, 0.01, 0.75, 0.23),
  /** 2020-01-22. */
  'yolov3-dc1f0a0d': yolov3(0.01, 0.01, 0.78, 0.2),
  /** 2020-01-10 and 01dbdc45 of 2020-01-14, the version of the tutorial. */
  'yolov3-2020-01': yolov3(0, 0, 0.8, 0.2),
  /** 2020-01-08. */
  'yolov3-3e5b007e': yolov3(0.1, 0.1, 0.6, 0.2),
  /** Before 2020. */
  'yolov3-df4f25e6': yolov3(0, 0, 0.5, 0.5),
  /** The hill climb of 2019. */
  'yolov3-v6': yolov3(0, 0, 1, 0),
} as const satisfies Record<string, Preset>

export type FitnessPresetName = keyof typeof fitnessPresets

/** Fitness of every YOLOv5 release (and of yolov3 since v9.0). */
export const yolov5Fitness: FitnessWeights = fitnessPresets.yolov5.weights

/**
 * Weighted sum of the first four results, added left to right as NumPy does for so few. NaN if one of them is NaN.
 *
 * @param results - at least four numbers
 */
export function fitness(results: readonly number[], weights: FitnessWeights = yolov5Fitness): number {
  return results[0] * weights[0] + results[1] * weights[1] + results[2] * weights[2] + results[3] * weights[3]
}

/** How a study makes its fitness of what a training measured. */
export interface Fitness {
  /** As it was written: a preset's name or a formula. */
  readonly text: string
  /** The metrics that it reads. */
  readonly keys: readonly string[]
  /** NaN if a metric is missing or NaN, or the result is not finite. */
  evaluate(metrics: Metrics): number
  /** Why {@link Fitness.evaluate} gives NaN, for people; `undefined` if it does not. */
  problem(metrics: Metrics): string | undefined
}

/**
 * A fitness from its text: the name of a preset, or a formula of metrics with numbers, + - * / ^, parentheses, min and
 * max, as `0.2*recall + 0.8*mAP50to95`. Names of other characters than letters, digits and _ stand in quotes:
 * `'mAP50/person'`. Metrics of weight 0 are not part of a preset: they may be missing.
 *
 * @param known - metrics that the trainer logs; another one is refused, unless it is a class's own of a known one
 * @throws {@link FitnessInvalidError}
 */
export function parseFitness(text: string, known?: readonly string[]): Fitness {
  const expression = Object.hasOwn(fitnessPresets, text.trim())
    ? presetExpression(fitnessPresets[text.trim() as FitnessPresetName])
    : parseExpression(text)
  const names = metricNames(expression)
  if (names.length === 0) throw new FitnessInvalidError(text, 0, 'it names no metric')
  const keys = [...new Set(names.map(({ name }) => name))]
  if (known !== undefined)
    for (const { name, position } of names) {
      if (known.includes(name) || known.includes(name.replace(/\/.*$/s, ''))) continue
      const similar = nearest(name, known)
      const hint = similar === undefined ? `known are ${known.join(', ')}` : `did you mean ${similar}?`
      throw new FitnessInvalidError(text, position, `"${name}" is no metric of this training (${hint})`)
    }
  const problem = (metrics: Metrics) => {
    const missing = keys.filter((key) => Number.isNaN(metric(metrics, key)))
    if (missing.length > 0)
      return missing.map((key) => (Object.hasOwn(metrics, key) ? `${key} is NaN` : `${key} is missing`)).join(', ')
    const value = evaluate(expression, (key) => metric(metrics, key))
    return Number.isFinite(value) ? undefined : `the fitness ${text} is ${value}`
  }
  return {
    text: text.trim(),
    keys,
    evaluate(metrics) {
      const value = evaluate(expression, (key) => metric(metrics, key))
      return Number.isFinite(value) ? value : Number.NaN
    },
    problem,
  }
}

/** A metric by name; NaN if it was not measured. F1 is made of precision and recall where the trainer does not say it, as yolov3 does. */
export function metric(metrics: Metrics, key: string): number {
  if (Object.hasOwn(metrics, key)) return metrics[key]
  if (key !== 'f1') return Number.NaN
  const [precision, recall] = [metric(metrics, 'precision'), metric(metrics, 'recall')]
  return (2 * precision * recall) / (precision + recall + 1e-16)
}

/** `w·metric + …` in the order of the metrics, without those of weight 0 (adding 0 changes no bit). */
function presetExpression({ metrics, weights }: Preset): Expression {
  return metrics
    .map((name, i): Expression & { readonly weight: number } => ({
      kind: 'binary',
      operator: '*',
      left: { kind: 'metric', name, position: 0 },
      right: { kind: 'number', value: weights[i] },
      weight: weights[i],
    }))
    .filter(({ weight }) => weight !== 0)
    .reduce<Expression | undefined>(
      (sum, term) => (sum === undefined ? term : { kind: 'binary', operator: '+', left: sum, right: term }),
      undefined,
    ) as Expression
}
