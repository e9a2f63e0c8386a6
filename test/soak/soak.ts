// `npm run soak`: many rounds of kill -9, and figures at the end.
//   npm run soak                                  200 rounds on SQLite, then 200 on PostgreSQL
//   npm run soak -- --rounds 50 --seed 7 --storage sqlite
// The same seed gives the same kinds of kills in the same order; the instants within the programs differ all the same.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startPostgres } from '../helpers/postgres.ts'
import { disturbances, type SoakFigures, soak } from './harness.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    storage: { type: 'string', default: 'both' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (
  !Number.isInteger(rounds) ||
  rounds < 1 ||
  !Number.isInteger(seed) ||
  !/^(both|sqlite|postgres)$/.test(values.storage)
) {
  console.error('usage: npm run soak -- [--rounds N] [--seed S] [--storage sqlite|postgres|both]')
  process.exit(2)
}
console.log(`${rounds} rounds, seed ${seed}`)

function tell(name: string, figures: SoakFigures): void {
  const { disturbed, studies, complete, failed, attempts, lost, acknowledged, seconds, faults } = figures
  console.log(
    `\n${name}: ${Object.values(disturbed).reduce((sum, count) => sum + count, 0)} disturbances in ${seconds.toFixed(0)} s`,
  )
  for (const [kind, count] of Object.entries(disturbed))
    console.log(`  ${String(count).padStart(4)} × ${disturbances[kind as keyof typeof disturbances]}`)
  console.log(`  ${studies} studies: ${complete + failed} trials ended (${failed} failed) in ${attempts} attempts,`)
  console.log(`  of which ${lost} were lost with their process and made up for`)
  console.log(`  ${acknowledged} results that a process had called kept: all there, unchanged, once`)
  for (const fault of faults) console.log(`  FAULT ${fault}`)
  if (faults.length > 0) process.exitCode = 1
}

for (const name of values.storage === 'both' ? ['sqlite', 'postgres'] : [values.storage]) {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-soak-'))
  const server = name === 'postgres' ? await startPostgres() : undefined
  try {
    const figures = await soak({ rounds, seed, folder, trials: 30, say: console.log, ...(server && { server }) })
    tell(name, figures)
    if (figures.faults.length > 0) console.log(`  the folder is kept: ${folder}`)
    else rmSync(folder, { recursive: true })
  } finally {
    await server?.stop()
  }
}
