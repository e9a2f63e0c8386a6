import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { limit } from './index.ts'

it('calls after the time, also if that is longer than Node can count, and not at all without one', async () => {
  const calls: string[] = []
  limit(10, () => calls.push('10 ms'))
  const long = limit(400 * 24 * 3600_000, () => calls.push('400 days'))
  expect([limit(undefined, () => calls.push('none')), limit(0, () => calls.push('0'))]).toEqual([undefined, undefined])
  await delay(50)
  clearTimeout(long)
  expect(calls).toEqual(['10 ms'])
})
