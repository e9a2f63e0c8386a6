// What a search may cost, as people say it, and when it is to be over. Pure: the time of day is given.
import { UsageError } from '../base/index.ts'
import type { SlotResources } from './trainer.ts'

/** What a search may cost. */
export type Budget =
  /** Of the clock, from when it begins. */
  | { readonly kind: 'time'; readonly seconds: number }
  /** To be over at a moment, in ms since the epoch. */
  | { readonly kind: 'until'; readonly at: number }
  /** Of all GPUs together. */
  | { readonly kind: 'gpu-time'; readonly seconds: number }
  | { readonly kind: 'epochs'; readonly epochs: number }
  /** Full trainings' worth of epochs. */
  | { readonly kind: 'trainings'; readonly trainings: number }

const minute = 60
const hour = 60 * minute
const day = 24 * hour
const units: readonly (readonly [name: RegExp, seconds: number])[] = [
  [/^(?:m|min|mins|minutes?)$/, minute],
  [/^(?:h|hr|hrs|hours?)$/, hour],
  [/^(?:d|days?)$/, day],
  [/^(?:w|weeks?)$/, 7 * day],
]
/** Longer is a mistake. */
const longestSeconds = 3660 * day
const most = 1e9

const examples = '24h, 90m, 2d12h, 200epochs, 40trainings (or 40), 200gpuh'

/**
 * Reads `--budget`: `24h`, `90m`, `2d`, `1d12h`, `200epochs`, `40trainings`, `40`, `200gpuh`.
 *
 * @throws {@link UsageError} with examples
 */
export function parseBudget(text: string): Budget {
  const words = text.toLowerCase().replace(/[\s_]+/g, '')
  const [, amount, unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)([a-z-]*)$/.exec(words) ?? []
  if (amount !== undefined) {
    if (/^(?:|trainings?)$/.test(unit)) return { kind: 'trainings', trainings: whole(text, amount, 'trainings') }
    if (/^(?:ep|epochs?)$/.test(unit)) return { kind: 'epochs', epochs: whole(text, amount, 'epochs') }
    if (/^gpu-?(?:h|hr|hrs|hours?)$/.test(unit))
      return { kind: 'gpu-time', seconds: inRange(text, Number(amount) * hour) }
  }
  const parts = [...words.matchAll(/(\d{1,12}(?:\.\d{1,6})?)([a-z]+)/gy)]
  const seconds = parts.map(([, number, name]) => {
    const [, each = Number.NaN] = units.find(([pattern]) => pattern.test(name!)) ?? []
    return Number(number) * each
  })
  const isAll = parts.length > 0 && parts.map(([part]) => part).join('') === words
  const sum = seconds.reduce((total, each) => total + each, 0)
  if (!isAll || Number.isNaN(sum))
    throw new UsageError(`--budget ${shown(text)}: give how long or how much, as ${examples}.`)
  return { kind: 'time', seconds: inRange(text, sum) }
}

function whole(text: string, amount: string, noun: string): number {
  const number = Number(amount)
  if (Number.isInteger(number) && number >= 1 && number <= most) return number
  throw new UsageError(`--budget ${shown(text)}: give a whole number of ${noun}, at least 1, as ${examples}.`)
}

function inRange(text: string, seconds: number): number {
  if (seconds >= 1 && seconds <= longestSeconds) return seconds
  const why = seconds < 1 ? 'that is no time at all' : 'that is more than ten years'
  throw new UsageError(`--budget ${shown(text)}: ${why}. Give it as ${examples}.`)
}

const shown = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const moments = '"08:00", "Mon 08:00", "tomorrow 18:30", "2027-01-31 08:00" or "2027-01-31T08:00Z"'

/**
 * Reads `--until`: a time of day (the next such moment), a weekday with a time, a date with a time, in local time; or
 * ISO 8601 with its own zone.
 *
 * @param now - ms since the epoch
 * @returns ms since the epoch, after `now`
 * @throws {@link UsageError} with examples; also for what has passed
 */
export function parseUntil(text: string, now: number): number {
  const words = text.trim().toLowerCase().replace(/\s+/g, ' ')
  const at = momentOf(words, new Date(now))
  if (at === undefined) throw new UsageError(`--until ${shown(text)}: give a moment, as ${moments}.`)
  if (at <= now)
    throw new UsageError(
      `--until ${shown(text)}: that is ${localText(at)}, and now it is ${localText(now)}. Give a later moment.`,
    )
  if (at - now > 1000 * longestSeconds)
    throw new UsageError(`--until ${shown(text)}: that is more than ten years from now. Give a moment, as ${moments}.`)
  return at
}

/** `undefined` if it is none. */
function momentOf(words: string, now: Date): number | undefined {
  const [, prefix = '', hours, minutes, seconds = '0'] =
    /^(?:([a-z]+|\d{4}-\d{1,2}-\d{1,2})[ t,]*)?(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(words) ?? []
  if (hours === undefined) return isoMoment(words)
  const time = [Number(hours), Number(minutes), Number(seconds)] as const
  if (time[0] > 23 || time[1] > 59 || time[2] > 59) return undefined
  const inDays = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, ...time).getTime()
  if (prefix === '') return inDays(inDays(0) > now.getTime() ? 0 : 1)
  if (prefix === 'today') return inDays(0)
  if (prefix === 'tomorrow') return inDays(1)
  const date = dateOf(prefix)
  if (date) return new Date(date[0], date[1] - 1, date[2], ...time).getTime()
  const weekday = prefix.length < 2 ? -1 : weekdays.findIndex((name) => name.startsWith(prefix))
  if (weekday < 0 || weekdays.filter((name) => name.startsWith(prefix)).length > 1) return undefined
  const days = (weekday - now.getDay() + 7) % 7
  return inDays(days > 0 || inDays(0) > now.getTime() ? days : 7)
}

/** A day that is in the calendar. */
function dateOf(text: string): readonly [year: number, month: number, day: number] | undefined {
  const [, year, month, date] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text) ?? []
  if (year === undefined) return undefined
  const numbers = [Number(year), Number(month), Number(date)] as const
  const there = new Date(Date.UTC(numbers[0], numbers[1] - 1, numbers[2]))
  return there.getUTCMonth() === numbers[1] - 1 && there.getUTCDate() === numbers[2] ? numbers : undefined
}

/** With a zone of its own, or a day alone: its beginning here. */
function isoMoment(words: string): number | undefined {
  const day = dateOf(words)
  if (day) return new Date(day[0], day[1] - 1, day[2]).getTime()
  const [, date, time, zone] =
    /^(\d{4}-\d{2}-\d{2})[t ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?) ?(z|[+-]\d{2}:?\d{2})$/.exec(words) ?? []
  if (date === undefined || !dateOf(date)) return undefined
  const at = Date.parse(`${date}T${time}${zone!.toUpperCase().replace(/^(.\d\d):?(\d\d)$/, '$1:$2')}`)
  return Number.isNaN(at) ? undefined : at
}

function localText(at: number): string {
  const date = new Date(at)
  const two = (value: number) => String(value).padStart(2, '0')
  const days = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${days} ${two(date.getHours())}:${two(date.getMinutes())}`
}

/** GPUs that slots hold. Several slots of one GPU hold one; where a trainer chooses by itself, it is counted as one. */
export function gpusOf(slots: readonly Pick<SlotResources, 'device'>[]): number {
  const named = slots
    .flatMap(({ device }) => device.split('+'))
    .filter((device) => device !== 'cpu' && device !== 'mps')
  return new Set(named).size
}

export interface BudgetState {
  /** When this budget began, in ms since the epoch. */
  readonly begun: number
  /** GPUs in use at once, see {@link gpusOf}. */
  readonly gpus: number
}

/**
 * The moment at which a budget is spent; `undefined` for budgets that do not depend on the clock.
 *
 * @throws {@link UsageError} for GPU hours where no slot has a GPU
 */
export function deadlineOf(budget: Budget, { begun, gpus }: BudgetState): number | undefined {
  if (budget.kind === 'until') return budget.at
  if (budget.kind === 'time') return begun + 1000 * budget.seconds
  if (budget.kind !== 'gpu-time') return undefined
  if (gpus >= 1) return begun + (1000 * budget.seconds) / gpus
  throw new UsageError(
    `--budget ${budget.seconds / hour}gpuh: no training of this search has a GPU. Give one, as --device 0, or a time of the clock, as --budget ${budget.seconds / hour}h.`,
  )
}

export interface BudgetProgress extends BudgetState {
  /** Mean time of an epoch of one training while all slots are busy; `undefined`: nobody can tell yet. */
  readonly secondsPerEpoch: number | undefined
  /** Trainings at once, over all processes that work on the study. */
  readonly slots: number
  /** Of a full training. */
  readonly epochs: number
  /** Full trainings' worth of the study so far. */
  readonly spent: number
  /** Of that, what was spent before this budget began; default 0. */
  readonly spentBefore?: number
  readonly now: number
}

/**
 * Full trainings' worth of epochs that a study has in all when its budget is spent; `undefined`: nobody can tell yet.
 *
 * @throws as {@link deadlineOf}
 */
export function trainingsFor(budget: Budget, progress: BudgetProgress): number | undefined {
  const { secondsPerEpoch, slots, epochs, spent, spentBefore = 0, now } = progress
  if (budget.kind === 'trainings') return spentBefore + budget.trainings
  if (budget.kind === 'epochs') return spentBefore + budget.epochs / epochs
  const left = Math.max(0, deadlineOf(budget, progress)! - now) / 1000
  return secondsPerEpoch === undefined ? undefined : spent + worthOf(left, { secondsPerEpoch, slots, epochs })
}

/** Full trainings' worth of epochs that go into a time. */
export const worthOf = (
  seconds: number,
  { secondsPerEpoch, slots, epochs }: Pick<BudgetProgress, 'slots' | 'epochs'> & { readonly secondsPerEpoch: number },
): number => (seconds * slots) / (epochs * secondsPerEpoch)
