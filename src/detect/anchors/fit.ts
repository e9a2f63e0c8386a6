// How well anchors fit boxes. The fit of a box and an anchor is the worse of min(r, 1/r) over r = width and height
// ratio: 1 is a perfect fit, and a box takes an anchor whose fit is above 1 / `anchor_t`. Float32 as in v7.0, since
// close decisions hang on it.

const f = Math.fround

/** How anchors fit a data set; all but `aat` in [0, 1]. */
export interface AnchorFit {
  /** Best possible recall: share of boxes that at least one anchor takes. */
  readonly bpr: number
  /** Anchors above threshold: how many anchors take a box, on average. */
  readonly aat: number
  /** Mean fit of the best anchor, and of all anchors. */
  readonly meanBest: number
  readonly meanAll: number
}

/**
 * @param boxes - [n, 2] widths and heights
 * @param anchors - [k, 2] in the same unit
 * @param threshold - hyp `anchor_t`
 */
export function fitOf(boxes: Float32Array, anchors: Float32Array, threshold: number): AnchorFit {
  const least = f(1 / threshold)
  let recalled = 0
  let taken = 0
  let sumBest = 0
  let sumAll = 0
  for (let i = 0; i < boxes.length; i += 2) {
    let best = 0
    for (let k = 0; k < anchors.length; k += 2) {
      const fit = Math.min(symmetric(boxes[i]!, anchors[k]!), symmetric(boxes[i + 1]!, anchors[k + 1]!))
      if (fit > least) taken++
      sumAll += fit
      if (fit > best) best = fit
    }
    if (best > least) recalled++
    sumBest += best
  }
  const count = boxes.length / 2
  return {
    bpr: f(recalled / count),
    aat: f(taken / count),
    meanBest: sumBest / count,
    meanAll: sumAll / (count * (anchors.length / 2)),
  }
}

/** Mean fit of each box's best anchor, where below the threshold counts as 0. The evolution's fitness, in [0, 1]. */
export function fitness(anchors: Float32Array, boxes: Float32Array, threshold: number): number {
  const least = f(1 / threshold)
  const end = anchors.length
  let sum = 0
  for (let i = 0; i < boxes.length; i += 2) {
    const width = boxes[i]!
    const height = boxes[i + 1]!
    let best = 0
    for (let k = 0; k < end; k += 2) {
      const fitWidth = symmetric(width, anchors[k]!)
      if (fitWidth <= best) continue
      const fitHeight = symmetric(height, anchors[k + 1]!)
      if (fitHeight > best) best = Math.min(fitWidth, fitHeight)
    }
    if (best > least) sum += best
  }
  return f(sum / (boxes.length / 2))
}

/** min(r, 1/r) for r = box / anchor. */
function symmetric(box: number, anchor: number): number {
  const ratio = f(box / anchor)
  return ratio <= 1 ? ratio : f(1 / ratio)
}
