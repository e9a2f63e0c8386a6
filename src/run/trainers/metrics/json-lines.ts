// Metrics as JSON objects on lines of standard output: what a program says that was written for Hypevolve.
import type { Metrics } from '../../../search/index.ts'
import { type MetricSource, parseMetricLine } from '../../process/index.ts'

const wanted = 'Metrics are expected as a JSON object on a line of standard output, as {"epoch": 3, "mAP50": 0.41}.'
/** What looks like metrics to a person. */
const almost = /^\s*\{.*["']?(epoch|mAP|precision|recall|loss|fitness|score|accuracy)\b/

/** Reads `{"epoch": 3, "mAP50": 0.41}`; the last line with metrics is the result. */
export const jsonLines: MetricSource = ({ onEpoch }) => {
  let metrics: Metrics | undefined
  let broken: string | undefined
  return {
    line(text, stream) {
      if (stream !== 'stdout') return
      const line = parseMetricLine(text)
      if (!line) {
        if (almost.test(text)) broken = text
        return
      }
      const { metrics: measured, ...progress } = line
      if (Object.keys(measured).length > 0) metrics = measured
      if (progress.epoch !== undefined) onEpoch({ epoch: progress.epoch, ...progress, metrics: measured })
    },
    get metrics() {
      return metrics
    },
    get problem() {
      if (metrics !== undefined) return undefined
      return broken === undefined
        ? `It ended well, but said nothing about its metrics. ${wanted}`
        : `It ended well, but its metrics cannot be read: ${broken.slice(0, 200)}. ${wanted}`
    },
  }
}
