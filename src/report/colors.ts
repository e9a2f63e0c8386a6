// Colour maps and the colours of classes.

type Rgb = readonly [number, number, number]

const rgb = (hex: string): Rgb => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb

/** A colour map: t in [0, 1] → `rgb(r,g,b)`; NaN counts as 0. */
function colorMap(...stops: readonly string[]): (t: number) => string {
  const colors = stops.map(rgb)
  return (t) => {
    const at = Math.min(1, Math.max(0, t || 0)) * (colors.length - 1)
    const i = Math.min(colors.length - 2, Math.floor(at))
    const part = colors[i]!.map((low, c) => Math.round(low + (colors[i + 1]![c]! - low) * (at - i)))
    return `rgb(${part.join(',')})`
  }
}

/** Viridis (van der Walt and Smith, CC0), eleven stops. */
export const viridis = colorMap(
  ...['#440154', '#482475', '#414487', '#355f8d', '#2a788e', '#21918c', '#22a884', '#44bf70', '#7ad151', '#bddf26'],
  '#fde725',
)

export const bluesStops = [
  '#f7fbff',
  '#deebf7',
  '#c6dbef',
  '#9ecae1',
  '#6baed6',
  '#4292c6',
  '#2171b5',
  '#08519c',
  '#08306b',
]
/** Sequential blues (ColorBrewer 2, Apache-2.0), light to dark. */
export const blues = colorMap(...bluesStops)

const classColors = [
  ...['#e6194b', '#0082c8', '#3cb44b', '#f58231', '#911eb4', '#00a5a5', '#d4379b', '#b8860b', '#5b4fcf', '#7fb800'],
  ...['#a0522d', '#00bfff', '#ff6f91', '#2f6f4f', '#c39bd3', '#8b0000', '#4682b4', '#ff9d00', '#556b2f', '#20d6a0'],
]

/** Colour of a class, as `#rrggbb`; repeats after 20 classes. */
export const classColor = (index: number): string =>
  classColors[((Math.trunc(index) % classColors.length) + classColors.length) % classColors.length]!

/** Black or white, whichever reads better on the colour `#rrggbb`. */
export function textColorOn(color: string): '#000000' | '#ffffff' {
  const [r, g, b] = rgb(color)
  return 0.299 * r + 0.587 * g + 0.114 * b > 150 ? '#000000' : '#ffffff'
}
