// Metrics on the output of a program: one JSON object per line, `{"epoch": 3, "mAP50": 0.41}`.
import type { Metrics } from '../../search/index.ts'

export interface MetricLine {
  /** Epochs finished, from 1, if the line speaks of one. */
  readonly epoch?: number
  /** Epochs in all, if it says so. */
  readonly epochs?: number
  /** The other numbers of the line; `null`, NaN and infinities are kept as such. */
  readonly metrics: Metrics
}

/** NaN and infinities as Python's json and JavaScript's console write them, outside of strings. */
const bareNumbers = /("(?:[^"\\]|\\.)*")|-?\b(?:NaN|Infinity)\b/g

/**
 * Reads a line. `undefined` if it is ordinary output: no JSON object, or one without any number.
 * Values that are no numbers (texts, lists, objects) are passed over.
 */
export function parseMetricLine(line: string): MetricLine | undefined {
  if (!line.includes('{')) return undefined
  const object = parseMetricObject(line)
  if (object === undefined) return undefined
  const numbers = Object.entries(object).flatMap(([key, value]): [string, number][] => {
    if (value === null) return [[key, Number.NaN]]
    return typeof value === 'number' ? [[key, value]] : []
  })
  if (numbers.length === 0) return undefined
  const { epoch, epochs } = object
  const metrics = Object.fromEntries(numbers.filter(([key]) => key !== 'epoch' && key !== 'epochs'))
  return { ...(isCount(epoch) && { epoch }), ...(isCount(epochs) && { epochs }), metrics }
}

/** A JSON object as Python writes it, with NaN and infinities; `undefined` if the text is none. */
export function parseMetricObject(json: string): Record<string, unknown> | undefined {
  const text = json.trim()
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  return parse(text) ?? parse(text.replace(bareNumbers, (token, string?: string) => string ?? nullOf(token)))
}

/** 1e999 reads as Infinity; NaN has no such spelling. */
const nullOf = (token: string) => (token.endsWith('NaN') ? 'null' : token.startsWith('-') ? '-1e999' : '1e999')

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}
