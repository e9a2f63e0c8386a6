// Whether a series of measurements grows.

export interface Growth {
  /** Per step, least squares. */
  readonly slope: number
  /** Of the slope, 95 %. */
  readonly interval: readonly [number, number]
  /** No growth is proven, or one that would take more than a thousand steps to double the start. */
  readonly flat: boolean
}

/** The line through a series of at least four values. */
export function growthOf(series: readonly number[]): Growth {
  const n = series.length
  const meanStep = (n - 1) / 2
  const mean = series.reduce((sum, value) => sum + value, 0) / n
  let [covariance, variance] = [0, 0]
  for (const [step, value] of series.entries()) {
    covariance += (step - meanStep) * (value - mean)
    variance += (step - meanStep) ** 2
  }
  const slope = covariance / variance
  const squares = series.reduce((sum, value, step) => sum + (value - mean - slope * (step - meanStep)) ** 2, 0)
  // 2.1 stands for Student's t of about 20 degrees of freedom and more.
  const margin = 2.1 * Math.sqrt(squares / (n - 2) / variance)
  const interval = [slope - margin, slope + margin] as const
  return { slope, interval, flat: interval[0] <= 0 || slope < mean / 1000 }
}
