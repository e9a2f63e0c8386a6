// Metrics from JSON that a program writes: a file that it writes anew, or one object on each line.
import { readFileSync } from 'node:fs'
import { type MetricReader, type MetricSource, parseMetricObject } from '../../process/index.ts'
import { Epochs, type Measured } from './epochs.ts'
import { fileIn, missingNames, type Names } from './names.ts'
import { look, newest, TextFile } from './text-file.ts'

const largestBytes = 16 * 2 ** 20

/**
 * `json:result.json`, `json:result.json:mAP50=eval.map`: all numbers of an object, those further inside as `eval.map`. Lists
 * are looked into only by a name, as `log_history.-1.eval_map` (the last entry).
 */
export const jsonSource =
  (pattern: string, names: Names): MetricSource =>
  ({ out, onEpoch, after }) => {
    const path = fileIn(out, pattern)
    const epochs = new Epochs(onEpoch, after)
    const stateOf = () => {
      const file = newest(path)
      const stats = file === undefined ? undefined : look(file)
      return { file, stats, text: stats ? `${file} ${stats.ino} ${stats.size} ${stats.mtimeMs}` : '' }
    }
    const found = stateOf().text
    let seen = found
    let bytes = 0
    let problem: string | undefined = found === '' ? 'is not there' : 'was not written by this training'
    let missing: readonly string[] = []

    const read = (file: string) => {
      const text = readFileSync(file, 'utf8')
      bytes += text.length
      const object = parseMetricObject(text)
      if (object === undefined) return 'is no JSON object'
      missing = missingNames(names, (name) => lookUp(object, name) !== undefined)
      if (missing.length > 0) return `has no number ${missing.join(' or ')}; it has: ${keysOf(object).join(', ')}`
      const measured = measuredIn(object, names, flatten(object))
      if (Object.keys(measured.metrics).length === 0) return 'has no numbers'
      epochs.add({ ...measured, whole: true })
      return undefined
    }
    return {
      async poll() {
        const { file, stats, text } = stateOf()
        if (text === seen || file === undefined || !stats) return
        seen = text
        if (!stats.isFile()) problem = 'is no file'
        else if (stats.size > largestBytes) problem = `has ${stats.size} bytes; up to ${largestBytes} are read`
        else
          try {
            problem = read(file)
          } catch (error) {
            problem = `cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`
          }
      },
      get progress() {
        return bytes
      },
      // What stands there at the end counts: a file that broke later holds no result.
      get metrics() {
        return problem === undefined ? epochs.metrics : undefined
      },
      get problem() {
        return problem && `It ended well, but ${path}, where its metrics are expected, ${problem}.`
      },
    }
  }

/** `json-lines:log.txt`, `json-lines:log.txt:mAP50=coco_eval.1`, `json-lines::mAP50=val.map` (standard output). */
export const jsonLinesSource =
  (pattern: string, names: Names): MetricSource =>
  ({ out, onEpoch, after }) => {
    const epochs = new Epochs(onEpoch, after)
    const seen = new Set<string>()
    const onLine = (line: string) => {
      const object = line.includes('{') ? parseMetricObject(line) : undefined
      if (!object) return
      const wanted = Object.entries(names)
      for (const [, name] of wanted) if (lookUp(object, name) !== undefined) seen.add(name)
      const own = new Map(Object.entries(object).flatMap(([key, value]) => numberEntry(key, value)))
      const whole = wanted.every(([, name]) => lookUp(object, name) !== undefined)
      epochs.add({ ...measuredIn(object, names, own), whole })
    }
    const isComplete = () => missingNames(names, (name) => seen.has(name)).length === 0
    const lacking = () => {
      const missing = missingNames(names, (name) => seen.has(name))
      return missing.length > 0
        ? `no line with a number ${missing.join(' or ')}`
        : 'no line that is a JSON object with numbers, as {"epoch": 3, "mAP50": 0.41}'
    }
    if (pattern === '') return linesOfOutput(epochs, onLine, isComplete, lacking)

    epochs.old = true
    const path = fileIn(out, pattern)
    const file = new TextFile(path, {
      onLine,
      onRestart() {
        epochs.restart()
        epochs.old = false
        seen.clear()
      },
    })
    epochs.end()
    epochs.old = false
    const metrics = () => (file.isTouched && isComplete() ? epochs.metrics : undefined)
    return {
      poll: async () => file.poll(),
      end() {
        file.end()
        epochs.end()
      },
      get progress() {
        return file.bytesRead
      },
      get metrics() {
        return metrics()
      },
      get problem() {
        if (metrics()) return undefined
        const problem = file.problem ?? (file.isTouched ? `has ${lacking()}` : 'was not written by this training')
        return `It ended well, but ${path}, where its metrics are expected, ${problem}.`
      },
    }
  }

function linesOfOutput(
  epochs: Epochs,
  onLine: (line: string) => void,
  isComplete: () => boolean,
  lacking: () => string,
): MetricReader {
  const metrics = () => (isComplete() ? epochs.metrics : undefined)
  return {
    line(text, stream) {
      if (stream === 'stdout') onLine(text)
    },
    end: () => epochs.end(),
    get metrics() {
      return metrics()
    },
    get problem() {
      return metrics() ? undefined : `It ended well, but its standard output has ${lacking()}.`
    },
  }
}

function measuredIn(object: unknown, names: Names, own: ReadonlyMap<string, number>): Omit<Measured, 'whole'> {
  const metrics = new Map(own)
  for (const title of ['epoch', 'epochs', ...Object.values(names)]) metrics.delete(title)
  for (const [name, path] of Object.entries(names)) {
    const value = lookUp(object, path)
    if (value !== undefined && name !== 'epoch' && name !== 'epochs') metrics.set(name, value)
  }
  const epoch = lookUp(object, names['epoch'] ?? 'epoch')
  const epochs = lookUp(object, names['epochs'] ?? 'epochs')
  return { epoch, epochs, metrics: Object.fromEntries(metrics) }
}

/** The number at a path like `eval.map` or `log_history.-1.loss`; keys may have dots themselves. */
export function lookUp(value: unknown, path: string): number | undefined {
  if (Array.isArray(value)) {
    const [, index, rest] = /^(-?\d+)(?:\.(.*))?$/s.exec(path) ?? []
    if (index === undefined) return undefined
    const entry: unknown = value.at(Number(index))
    return rest === undefined ? asNumber(entry) : lookUp(entry, rest)
  }
  if (typeof value !== 'object' || value === null) return undefined
  const object = value as Readonly<Record<string, unknown>>
  if (Object.hasOwn(object, path)) return asNumber(object[path])
  for (let at = path.lastIndexOf('.'); at > 0; at = path.lastIndexOf('.', at - 1)) {
    const key = path.slice(0, at)
    const found = Object.hasOwn(object, key) ? lookUp(object[key], path.slice(at + 1)) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** `null` is how JSON writes NaN. */
const asNumber = (value: unknown): number | undefined =>
  value === null ? Number.NaN : typeof value === 'number' ? value : undefined

const numberEntry = (key: string, value: unknown): [string, number][] => {
  const number = asNumber(value)
  return number === undefined ? [] : [[key, number]]
}

/** All numbers that are not in lists, under their paths; objects in objects to a depth that people can want. */
function flatten(object: object, prefix = '', depth = 8): Map<string, number> {
  const entries = Object.entries(object).flatMap(([key, value]): [string, number][] =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && depth > 0
      ? [...flatten(value, `${prefix}${key}.`, depth - 1)]
      : numberEntry(prefix + key, value),
  )
  return new Map(entries)
}

const keysOf = (object: object) => Object.keys(object).slice(0, 40)
