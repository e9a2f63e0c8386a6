// The order in which NumPy 1.24 sorts: `np.argsort` with its default kind.

/**
 * Indexes that sort the values ascending, NaN last; ties come in the order of NumPy's introsort, which is stable only
 * up to 16 elements. (NumPy 1.25 and newer sort by another algorithm on some processors and leave ties otherwise.)
 *
 * Source: NumPy 1.24 numpy/core/src/npysort/quicksort.cpp, aquicksort: median of three, insertion sort for small
 * parts, heap sort if the recursion gets deep (Musser, "Introspective sorting and selection algorithms", 1997).
 */
export function argsort(values: ArrayLike<number>): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i)
  const less = (a: number, b: number) => a < b || (Number.isNaN(b) && !Number.isNaN(a)) // NaN is larger than all else
  const swap = (i: number, j: number) => {
    const kept = order[i]
    order[i] = order[j]
    order[j] = kept
  }
  const smallPart = 15

  const stack: [left: number, right: number, depth: number][] = []
  let left = 0
  let right = values.length - 1
  let depth = 2 * Math.floor(Math.log2(Math.max(1, values.length)))
  for (;;) {
    if (depth < 0) {
      heapsort(values, order, left, right, less)
    } else {
      while (right - left > smallPart && depth >= 0) {
        const middle = left + ((right - left) >> 1)
        if (less(values[order[middle]], values[order[left]])) swap(middle, left)
        if (less(values[order[right]], values[order[middle]])) swap(right, middle)
        if (less(values[order[middle]], values[order[left]])) swap(middle, left)
        const pivot = values[order[middle]]
        let i = left
        let j = right - 1
        swap(middle, j)
        for (;;) {
          do i++
          while (less(values[order[i]], pivot))
          do j--
          while (less(pivot, values[order[j]]))
          if (i >= j) break
          swap(i, j)
        }
        swap(i, right - 1)
        depth--
        // the larger part waits
        if (i - left < right - i) {
          stack.push([i + 1, right, depth])
          right = i - 1
        } else {
          stack.push([left, i - 1, depth])
          left = i + 1
        }
      }
      for (let i = left + 1; i <= right; i++) {
        const index = order[i]
        let j = i
        for (; j > left && less(values[index], values[order[j - 1]]); j--) order[j] = order[j - 1]
        order[j] = index
      }
    }
    const next = stack.pop()
    if (!next) return order
    ;[left, right, depth] = next
  }
}

/** Sorts order[left … right] (aheapsort of the same file). */
function heapsort(
  values: ArrayLike<number>,
  order: number[],
  left: number,
  right: number,
  less: (a: number, b: number) => boolean,
): void {
  const base = left - 1 // heap positions count from 1
  let n = right - left + 1
  const sink = (index: number, start: number) => {
    let i = start
    for (let j = 2 * i; j <= n; j = 2 * i) {
      if (j < n && less(values[order[base + j]], values[order[base + j + 1]])) j++
      if (!less(values[index], values[order[base + j]])) break
      order[base + i] = order[base + j]
      i = j
    }
    order[base + i] = index
  }
  for (let start = n >> 1; start > 0; start--) sink(order[base + start], start)
  while (n > 1) {
    const index = order[base + n]
    order[base + n] = order[base + 1]
    n--
    sink(index, 1)
  }
}
