// Words and numbers for the console: durations, progress bars, columns as YOLOv5 users know them.
import { formatG } from '../../base/index.ts'

/** '45 s', '3 min 20 s', '2 h 5 min', '3 days 4 h'. */
export function durationText(seconds: number): string {
  if (!Number.isFinite(seconds)) return 'an unknown time'
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  const minutes = Math.floor(whole / 60)
  if (minutes < 60) return whole % 60 === 0 || minutes >= 10 ? `${minutes} min` : `${minutes} min ${whole % 60} s`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} days ${hours % 24} h`
}

/** '02:05', '1:02:05'. */
export function clockText(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number) => String(value).padStart(2, '0')
  const hours = Math.floor(whole / 3600)
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`
  return hours > 0 ? `${hours}:${rest}` : rest
}

/** '512 MB', '1.4 GB'. */
export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.max(0, Math.round(bytes / 1e3))} kB`
  if (bytes < 1e9) return `${Math.round(bytes / 1e6)} MB`
  return `${(bytes / 1e9).toFixed(bytes < 1e10 ? 1 : 0)} GB`
}

/** A measured value as people compare it: four digits, as 0.1234, 12.3 or 1.2e-05. */
export const numberText = (value: number) =>
  Number.isFinite(value) && value !== 0 && Math.abs(value) >= 1e-3 && Math.abs(value) < 1
    ? value.toFixed(4)
    : formatG(value, 4)

/** 97 %, or that it is next to 0 or 1. */
export function probabilityText(p: number): string {
  if (p > 0.99) return '> 99 %'
  return p < 0.01 ? '< 1 %' : `${Math.round(100 * p)} %`
}

/** A moment on the clock of this machine: '14:05' today, else '24 Nov 14:05', with the year if it is another. */
export function momentText(moment: string | number | Date, now = new Date()): string {
  const date = new Date(moment)
  const clock = `${String(date.getHours()).padStart(2, '0')}:${String(date.getMinutes()).padStart(2, '0')}`
  if (date.toDateString() === now.toDateString()) return clock
  const day = `${date.getDate()} ${months[date.getMonth()]}`
  return date.getFullYear() === now.getFullYear() ? `${day} ${clock}` : `${day} ${date.getFullYear()} ${clock}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** A count with its noun: '1 image', '2 images'. */
export const counted = (count: number, noun: string, plural = `${noun}s`) => `${count} ${count === 1 ? noun : plural}`

/** Right-aligned in `width` columns of a terminal, where a Chinese character takes two. */
export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - displayWidth(text))) + text
}

/** Columns that a text takes on a terminal. */
export function displayWidth(text: string): number {
  let taken = 0
  for (const character of text) taken += wide.test(character) ? 2 : 1
  return taken
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u

/**
 * ' 50%|█████     | 7/14 [00:03<00:03, 2.3it/s]', the bar that tqdm draws.
 *
 * @param seconds - since the work began
 */
export function progressText(done: number, total: number, seconds: number, unit = 'it'): string {
  const fraction = total > 0 ? Math.min(1, done / total) : 0
  const width = 10
  const eighths = Math.round(fraction * width * 8)
  const part = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8]!
  const bar = ('█'.repeat(Math.floor(eighths / 8)) + part).padEnd(width)
  const rate = done > 0 && seconds > 0.01 ? done / seconds : Number.NaN
  const speed = Number.isNaN(rate)
    ? `?${unit}/s`
    : rate >= 1
      ? `${rate.toFixed(rate < 10 ? 1 : 0)}${unit}/s`
      : `${(1 / rate).toFixed(1)}s/${unit}`
  const left = done >= total ? 0 : Number.isNaN(rate) ? Number.NaN : (total - done) / rate
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4)
  return `${percent}|${bar}| ${done}/${total} [${clockText(seconds)}<${clockText(left)}, ${speed}]`
}

/** `%<width>s` for each word. */
export const columns = (width: number, words: readonly string[]) => words.map((word) => word.padStart(width)).join('')

/** `%11.4g`. */
export const column = (value: number, width = 11, digits = 4) => formatG(value, digits, width)
