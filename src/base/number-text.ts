// Numbers as Python and C print and round them. Files that YOLOv5 users know are written with these.

/**
 * C's `%<width>.<digits>g`: up to `digits` significant digits, right-aligned in `width` columns. Exact ties go to the
 * even digit, as in C. For up to 90 digits.
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
  // six digits more tell on which side of the middle it lies, unless they are 500000; exact digits are dear
  const [mantissa, exponentText] = value.toExponential(Math.min(100, count + 5)).split('e')
  const digits = mantissa.replace('.', '')
  const exponent = Number(exponentText)
  const head = digits.slice(0, count)
  const tail = digits.slice(count)
  if (!/^50*$/.test(tail)) return tail > '5' ? roundUp(head, exponent) : [head, exponent]

  const exact = value.toExponential(100) // a tie has all its digits within count + 1
  const exactDigits = exact.slice(0, exact.indexOf('e')).replace('.', '')
  const rest = exactDigits.slice(count)
  const exactHead = exactDigits.slice(0, count)
  const exactExponent = Number(exact.slice(exact.indexOf('e') + 1))
  const tieToEven = /^50*$/.test(rest) && Number(exactHead.at(-1)) % 2 === 0
  return rest < '5' || tieToEven ? [exactHead, exactExponent] : roundUp(exactHead, exactExponent)
}

/** The next larger digits; 999 becomes 100 with a larger exponent. */
function roundUp(digits: string, exponent: number): [digits: string, exponent: number] {
  const nines = /9*$/.exec(digits)![0].length
  if (nines === digits.length) return [`1${'0'.repeat(digits.length - 1)}`, exponent + 1]
  const at = digits.length - nines - 1
  return [digits.slice(0, at) + String(Number(digits[at]) + 1) + '0'.repeat(nines), exponent]
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
