// Hyps and metrics as JSON text, readable in any database browser. Metrics may hold what JSON has no words for.
import { HypNotStorableError } from '../base/index.ts'
import type { Hyp, Metrics } from '../search/index.ts'

/**
 * A hyp as JSON, in the order of its keys.
 *
 * @throws {@link HypNotStorableError}
 */
export function checkHyp(hyp: Hyp): string {
  for (const [key, value] of Object.entries(hyp)) {
    const fits = typeof value === 'number' ? Number.isFinite(value) : ['string', 'boolean'].includes(typeof value)
    if (!fits) throw new HypNotStorableError(key, String(value))
  }
  return JSON.stringify(hyp)
}

export const parseHypText = (text: string) => JSON.parse(text) as Hyp

/** Metrics as JSON; NaN, the infinities and -0 are written as text. */
export const metricsText = (metrics: Metrics): string =>
  JSON.stringify(metrics, (_, value) =>
    typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0)) ? numberText(value) : value,
  )

const numberText = (value: number) => (Object.is(value, -0) ? '-0' : String(value))

export const parseMetricsText = (text: string): Metrics =>
  JSON.parse(text, (_, value) => (typeof value === 'string' ? Number(value) : value)) as Metrics
