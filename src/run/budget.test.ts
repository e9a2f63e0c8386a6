import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { HypevolveError, UsageError } from '../base/index.ts'
import { type Budget, deadlineOf, gpusOf, parseBudget, parseUntil, trainingsFor, worthOf } from './budget.ts'

const hour = 3600

describe('--budget', () => {
  it.each<[string, Budget]>([
    ['24h', { kind: 'time', seconds: 24 * hour }],
    ['90m', { kind: 'time', seconds: 90 * 60 }],
    ['2d', { kind: 'time', seconds: 48 * hour }],
    ['1d12h', { kind: 'time', seconds: 36 * hour }],
    ['2h 30min', { kind: 'time', seconds: 2.5 * hour }],
    ['1.5 days', { kind: 'time', seconds: 36 * hour }],
    ['1week', { kind: 'time', seconds: 168 * hour }],
    ['200epochs', { kind: 'epochs', epochs: 200 }],
    ['1 epoch', { kind: 'epochs', epochs: 1 }],
    ['40trainings', { kind: 'trainings', trainings: 40 }],
    ['40', { kind: 'trainings', trainings: 40 }],
    ['200gpuh', { kind: 'gpu-time', seconds: 200 * hour }],
    ['0.5 GPU-hours', { kind: 'gpu-time', seconds: hour / 2 }],
  ])('%s', (text, budget) => {
    expect(parseBudget(text)).toEqual(budget)
  })

  it.each([
    ['', 'give how long or how much, as 24h, 90m'],
    ['soon', 'give how long or how much'],
    ['24', undefined],
    ['24 h h', 'give how long or how much'],
    ['h24', 'give how long or how much'],
    ['-3h', 'give how long or how much'],
    ['3x', 'give how long or how much'],
    ['1h200epochs', 'give how long or how much'],
    ['0', 'give a whole number of trainings, at least 1'],
    ['2.5epochs', 'give a whole number of epochs'],
    ['99999999999', 'give a whole number of trainings'],
    ['0h', 'that is no time at all'],
    ['4000d', 'more than ten years'],
    ['9999999gpuh', 'more than ten years'],
  ])('%s is told what to write', (text, message) => {
    if (message === undefined) return expect(parseBudget(text).kind).toBe('trainings')
    const parse = () => parseBudget(text)
    expect(parse).toThrow(UsageError)
    expect(parse).toThrow(message)
    expect(parse).toThrow(`--budget ${JSON.stringify(text)}`)
    expect(parse).toThrow('200gpuh')
  })

  it('takes any text without another error', () => {
    const pieces = fc.array(
      fc.constantFrom('24', '.', '1e9', 'h', 'd', 'm', 'gpu', 'epochs', ' ', '-', 'trainings', '٣'),
    )
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 500 }),
      pieces.map((words) => words.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const budget = outcome(() => parseBudget(text))
        if (budget instanceof HypevolveError) return budget.message.length < 400
        return Object.values(budget).every(
          (value) => typeof value === 'string' || (value > 0 && Number.isFinite(value)),
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('reads what it would write', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 0, max: 23 }),
        fc.integer({ min: 0, max: 59 }),
        (d, h, m) => {
          const seconds = d * 24 * hour + h * hour + m * 60
          expect(parseBudget(`${d}d${h}h${m}m`)).toEqual({ kind: 'time', seconds })
        },
      ),
    )
  })
})

const outcome = <T>(step: () => T): T | Error => {
  try {
    return step()
  } catch (error) {
    return error as Error
  }
}

describe('--until', () => {
  const zone = process.env['TZ']
  beforeAll(() => {
    process.env['TZ'] = 'Europe/Berlin' // one with a summer time
  })
  afterAll(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })

  /** A Wednesday. */
  const now = () => new Date(2026, 10, 25, 14, 30).getTime()
  const local = (...parts: [number, number, number, number, number, number?]) => {
    const [year, month, ...rest] = parts
    return new Date(year, month - 1, ...rest).getTime()
  }

  it.each<[string, () => number]>([
    ['18:00', () => local(2026, 11, 25, 18, 0)],
    ['8:05', () => local(2026, 11, 26, 8, 5)],
    ['14:30', () => local(2026, 11, 26, 14, 30)],
    ['14:30:01', () => local(2026, 11, 25, 14, 30, 1)],
    ['Mon 08:00', () => local(2026, 11, 30, 8, 0)],
    ['monday  8:00', () => local(2026, 11, 30, 8, 0)],
    ['Wed 18:00', () => local(2026, 11, 25, 18, 0)],
    ['wed 08:00', () => local(2026, 12, 2, 8, 0)],
    ['Thurs, 00:00', () => local(2026, 11, 26, 0, 0)],
    ['today 23:59', () => local(2026, 11, 25, 23, 59)],
    ['tomorrow 08:00', () => local(2026, 11, 26, 8, 0)],
    ['2026-12-01 08:00', () => local(2026, 12, 1, 8, 0)],
    ['2026-12-01T08:00', () => local(2026, 12, 1, 8, 0)],
    ['2026-12-1 8:00', () => local(2026, 12, 1, 8, 0)],
    ['2026-12-01', () => local(2026, 12, 1, 0, 0)],
    ['2026-12-01T08:00Z', () => Date.UTC(2026, 11, 1, 8)],
    ['2026-12-01T08:00:30.5+02:00', () => Date.UTC(2026, 11, 1, 6, 0, 30, 500)],
    ['2026-12-01 08:00 -0330', () => Date.UTC(2026, 11, 1, 11, 30)],
  ])('%s', (text, at) => {
    expect(new Date(parseUntil(text, now()))).toEqual(new Date(at()))
  })

  it('means the hands of the clock across a change of it', () => {
    const saturday = local(2026, 10, 24, 12, 0)
    expect(parseUntil('Mon 08:00', saturday)).toBe(local(2026, 10, 26, 8, 0))
    expect(parseUntil('Mon 08:00', saturday) - saturday).toBe((44 + 1) * 1000 * hour)
  })

  it.each([
    ['', 'give a moment, as "08:00"'],
    ['Monday', 'give a moment'],
    ['someday 08:00', 'give a moment'],
    ['T 08:00', 'give a moment'],
    ['25:00', 'give a moment'],
    ['08:60', 'give a moment'],
    ['2026-02-30 08:00', 'give a moment'],
    ['2026-13-01', 'give a moment'],
    ['2026-12-01T08:00+99:00', 'give a moment'],
    ['2026-11-25 14:30', 'that is 2026-11-25 14:30, and now it is 2026-11-25 14:30. Give a later moment.'],
    ['today 08:00', 'Give a later moment'],
    ['2099-01-01', 'more than ten years'],
  ])('%s is told what to write', (text, message) => {
    const parse = () => parseUntil(text, now())
    expect(parse).toThrow(UsageError)
    expect(parse).toThrow(message)
    expect(parse).toThrow('--until')
  })

  it('takes any text without another error, and is never over at once', () => {
    const pieces = fc.constantFrom(
      'mon',
      'su',
      '2026-12-01',
      '2027',
      '-',
      ':',
      '08',
      '8',
      '59',
      'T',
      'z',
      '+',
      '02:00',
      ' ',
      'today',
    )
    const built = fc.array(pieces, { maxLength: 8 }).map((words) => words.join(''))
    const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), built)
    const times = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2028, 0, 1) })
    fc.assert(
      fc.property(texts, times, (text, at) => {
        const moment = outcome(() => parseUntil(text, at))
        return moment instanceof HypevolveError || (typeof moment === 'number' && moment > at)
      }),
      { numRuns: 2000 },
    )
  })

  it('is the next such moment: within a day, or a week', () => {
    const times = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2028, 0, 1) })
    const two = (value: number) => String(value).padStart(2, '0')
    fc.assert(
      fc.property(times, fc.nat(23), fc.nat(59), (at, h, m) => {
        const clock = `${two(h)}:${two(m)}`
        const [day, week] = [parseUntil(clock, at) - at, parseUntil(`fri ${clock}`, at) - at]
        return day > 0 && day <= 25 * 1000 * hour && week > 0 && week <= (7 * 24 + 1) * 1000 * hour
      }),
    )
  })
})

describe('what a budget gives', () => {
  const begun = Date.UTC(2026, 0, 1)
  const progress = { begun, gpus: 2, secondsPerEpoch: 60, slots: 2, epochs: 30, spent: 0, now: begun }

  it('is what it says, where it says epochs or trainings', () => {
    expect(trainingsFor({ kind: 'trainings', trainings: 40 }, progress)).toBe(40)
    expect(trainingsFor({ kind: 'epochs', epochs: 200 }, progress)).toBeCloseTo(200 / 30)
    const more = { ...progress, spent: 12, spentBefore: 10 }
    expect(trainingsFor({ kind: 'trainings', trainings: 40 }, more)).toBe(50)
    expect(trainingsFor({ kind: 'epochs', epochs: 300 }, { ...more, secondsPerEpoch: undefined })).toBe(20)
  })

  it('is what goes into the time that is left, on all slots', () => {
    const day: Budget = { kind: 'time', seconds: 24 * hour }
    expect(trainingsFor(day, progress)).toBe(96) // half an hour each, two at once
    const later = { ...progress, spent: 30, now: begun + 12 * 1000 * hour }
    expect(trainingsFor(day, later)).toBe(30 + 48)
    expect(trainingsFor(day, { ...later, secondsPerEpoch: 120 })).toBe(30 + 24)
    expect(trainingsFor({ kind: 'until', at: begun + 13 * 1000 * hour }, later)).toBe(30 + 4)
    expect(trainingsFor(day, { ...later, now: begun + 30 * 1000 * hour })).toBe(30)
    expect(trainingsFor(day, { ...progress, secondsPerEpoch: undefined })).toBeUndefined()
    expect(worthOf(hour, { secondsPerEpoch: 60, slots: 3, epochs: 30 })).toBe(6)
  })

  it('counts the hours of all GPUs', () => {
    const budget: Budget = { kind: 'gpu-time', seconds: 200 * hour }
    expect(deadlineOf(budget, progress)).toBe(begun + 100 * 1000 * hour)
    expect(trainingsFor(budget, progress)).toBe(400)
    const gpus = gpusOf([{ device: '0' }, { device: '1+2' }, { device: '0' }, { device: 'cpu' }])
    expect([gpus, gpusOf([{ device: 'cpu' }]), gpusOf([{ device: '' }, { device: '' }])]).toEqual([3, 0, 1])
    const none = () => deadlineOf(budget, { begun, gpus: 0 })
    expect(none).toThrow(UsageError)
    expect(none).toThrow('--budget 200gpuh: no training of this search has a GPU.')
  })

  it('has a deadline where the clock decides', () => {
    expect(deadlineOf({ kind: 'until', at: 5 }, progress)).toBe(5)
    expect(deadlineOf({ kind: 'time', seconds: hour }, progress)).toBe(begun + 1000 * hour)
    expect(deadlineOf({ kind: 'epochs', epochs: 5 }, progress)).toBeUndefined()
    expect(deadlineOf({ kind: 'trainings', trainings: 5 }, progress)).toBeUndefined()
  })
})
