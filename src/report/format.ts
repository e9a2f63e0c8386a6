// C-style number formats for titles, legends and console lines.

/** C's `%.<digits>g`: `0.0106`, `2.2`, `1e-05`, `nan`, `inf`. */
export function formatG(value: number, digits = 6): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const precision = Math.max(1, digits)
  const [mantissa, exponentText] = value.toExponential(precision - 1).split('e') as [string, string]
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= precision) {
    const sign = exponent < 0 ? '-' : '+'
    return `${withoutTrailingZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  return withoutTrailingZeros(value.toFixed(precision - 1 - exponent))
}

const withoutTrailingZeros = (text: string) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)

/** The same text with a real minus sign (U+2212) where it stands for one; for figures. */
export const withMinusSign = (text: string) => text.replaceAll('-', '\u2212')
