// Numbers as Python and C print and round them. Files that YOLOv5 users know are written with these.

/**
 * C's `%<width>.<digits>g`: up to `digits` significant digits, right-aligned in `width` columns. Exact ties go to the
 * even digit, as in C.
 */
export function formatG(value: number, digits = 6, width = 0): string {
  return formatSignificant(value, digits).padStart(width)
}

function formatSignificant(value: number, digits: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  const precision = Math.max(1, digits)
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [significant, exponent] = significantDigits(Math.abs(value), precision)
  if (exponent < -4 || exponent >= precision) {
    const mantissa = trimZeros(significant.slice(0, 1), significant.slice(1))
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
  }
  if (exponent < 0) return sign + trimZeros('0', '0'.repeat(-exponent - 1) + significant)
  return sign + trimZeros(significant.slice(0, exponent + 1), significant.slice(exponent + 1))
}

const trimZeros = (whole: string, fraction: string) => {
  const trimmed = fraction.replace(/0+$/, '')
  return trimmed === '' ? whole : `${whole}.${trimmed}`
}

/** The first `count` significant digits of a value >= 0, rounded, ties to the even digit, and the decimal exponent. */
function significantDigits(value: number, count: number): [digits: string, exponent: number] {
  if (mayBeTie(value, count)) {
    const exact = value.toExponential(100) // a tie has all its digits within count + 1
    const digits = exact.slice(0, exact.indexOf('e')).replace('.', '')
    const down = digits.slice(0, count)
    if (/^50*$/.test(digits.slice(count)) && Number(down.at(-1)) % 2 === 0)
      return [down, Number(exact.slice(exact.indexOf('e') + 1))]
  }
  const [mantissa, exponent] = value.toExponential(count - 1).split('e') // rounds ties up
  return [mantissa.replace('.', ''), Number(exponent)]
}

/** Whether the digits behind the first `count` look like 5000…; exact digits are dear, and hardly ever needed. */
function mayBeTie(value: number, count: number): boolean {
  const more = 6
  if (count + more > 100) return true
  const longer = value.toExponential(count - 1 + more)
  const end = longer.indexOf('e')
  return longer.charCodeAt(end - more) === 53 && longer.slice(end - more + 1, end) === '00000'
}

/**
 * Python's `round(value, decimals)`: the nearest number with that many decimals; the exact binary value decides, exact
 * ties go to the even digit.
 */
export function roundHalfEven(value: number, decimals: number): number {
  if (!Number.isFinite(value) || value === 0 || Math.abs(value) >= 1e21) return value
  const size = Math.abs(value)
  const up = size.toFixed(decimals)
  const exact = size.toFixed(100) // a tie has all its digits within decimals + 1
  const point = exact.indexOf('.')
  let rounded = up
  if (/^50*$/.test(exact.slice(point + 1 + decimals))) {
    const down = decimals === 0 ? exact.slice(0, point) : exact.slice(0, point + 1 + decimals)
    if (Number(down.at(-1)) % 2 === 0) rounded = down
  }
  return value < 0 ? -Number(rounded) : Number(rounded)
}

/** Python's `repr(float)`: the shortest text that reads back as the same number, always with a point or an exponent. */
export function pythonRepr(value: number): string {
  if (Number.isNaN(value)) return 'nan'
  if (!Number.isFinite(value)) return value < 0 ? '-inf' : 'inf'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa, exponentText] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    const size = String(Math.abs(exponent)).padStart(2, '0')
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${size}`
  }
  // JavaScript prints without an exponent from 1e-6 to 1e21, a wider range than Python.
  const text = String(value)
  return text.includes('.') ? text : `${text}.0`
}

/** A float as PyYAML writes it: {@link pythonRepr}, with a point before the exponent and yaml's words for nan and inf. */
export function yamlFloat(value: number): string {
  if (Number.isNaN(value)) return '.nan'
  if (!Number.isFinite(value)) return value < 0 ? '-.inf' : '.inf'
  const text = pythonRepr(value)
  return text.includes('.') ? text : text.replace('e', '.0e')
}
