// A search killed again and again, on SQLite and on PostgreSQL, in a few rounds; `npm run soak` does hundreds.
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder } from '../helpers/data-set.ts'
import { hasPostgres, startPostgres } from '../helpers/postgres.ts'
import { soak } from './harness.ts'

const options = { trials: 24, paceMs: [10, 60] as const, seed: Date.now() % 1_000_000 }

/** Each takes some 15 s on a machine that does nothing else. */
const limitMs = 300_000

describe('a search that is killed', () => {
  it(
    'loses nothing on SQLite',
    async () => {
      const figures = await soak({ ...options, rounds: 8, folder: temporaryFolder() })
      console.log(`seed ${options.seed}`, figures)
      expect(figures.faults).toEqual([])
      expect(figures).toMatchObject({ disturbed: { coordinator: 2, 'one of four': 2, everything: 2 } })
      expect(figures.acknowledged).toBeGreaterThan(0)
      expect(figures.lost).toBeGreaterThan(0)
    },
    limitMs,
  )

  it.runIf(hasPostgres)(
    'loses nothing on PostgreSQL, with a server that crashes in between',
    async () => {
      const server = await startPostgres()
      onTestFinished(() => server.stop())
      const figures = await soak({ ...options, rounds: 5, folder: temporaryFolder(), server })
      console.log(`seed ${options.seed}`, figures)
      expect(figures.faults).toEqual([])
      expect(figures.disturbed.server).toBe(1)
      expect(figures.acknowledged).toBeGreaterThan(0)
    },
    limitMs,
  )
})
