// `npm run fuzz`: many broken inputs for every reader of a file. Started by scripts/fuzz.mjs, which compiles it.
//   npm run fuzz                                          10,000 inputs of every format
//   npm run fuzz -- --format cfg,jpeg --runs 500 --seed 7
//   npm run fuzz -- --format cfg --input runs/fuzz/cfg-7-123    one file again
// The same seed gives the same inputs. Inputs with a fault are kept in --out, each with what went wrong beside it.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Fault, type Figures, fuzz } from './fuzz.ts'
import { inputOf } from './mutate.ts'
import { targets } from './targets/index.ts'

const { values } = parseArgs({
  options: {
    child: { type: 'string', default: '' },
    format: { type: 'string', default: targets.map(({ name }) => name).join(',') },
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    input: { type: 'string' },
    out: { type: 'string', default: 'runs/fuzz' },
  },
})
const formats = values.format.split(',')
const runs = values.input === undefined ? Number(values.runs) : 1
const seed = Number(values.seed)
const unknown = formats.filter((format) => !targets.some(({ name }) => name === format))
const single = values.input === undefined || formats.length === 1
if (!Number.isInteger(runs) || runs < 1 || !Number.isInteger(seed) || seed < 0 || unknown.length > 0 || !single) {
  console.error(
    'usage: npm run fuzz -- [--format F[,F…]] [--runs N] [--seed S] [--out FOLDER] [--input FILE, of one format]',
  )
  console.error(`formats: ${targets.map(({ name }) => name).join(', ')}`)
  process.exit(2)
}

console.log(`${runs} inputs of each of ${formats.length} formats, seed ${seed}`)
console.log(
  `${'format'.padEnd(18)}${'accepted'.padStart(9)}${'refused'.padStart(9)}${'faults'.padStart(8)}   most ms  most MiB  time`,
)

function line(target: string, figures: Figures, faults: number, seconds: number): string {
  const refused = Object.values(figures.refused).reduce((sum, count) => sum + count, 0)
  return [
    target.padEnd(18),
    String(figures.accepted).padStart(9),
    String(refused).padStart(9),
    String(faults).padStart(8),
    figures.mostCpuMs.toFixed(0).padStart(10),
    (figures.mostGrownBytes / 2 ** 20).toFixed(0).padStart(10),
    `${seconds.toFixed(0)} s`.padStart(7),
  ].join('')
}

async function keep({ target: name, index, kind, text }: Fault): Promise<string> {
  const target = targets.find((each) => each.name === name)!
  mkdirSync(values.out, { recursive: true })
  const file = join(values.out, `${name}-${seed}-${index}`)
  writeFileSync(file, inputOf(target, await target.seeds(), seed, index))
  const again = `npm run fuzz -- --format ${name} --input ${file}`
  writeFileSync(`${file}.txt`, `${again}\n${kind}: ${text}\n`)
  return again
}

const started = performance.now()
let total = 0
for (const format of formats) {
  const begun = performance.now()
  const { figures, faults } = await fuzz({
    child: values.child,
    jobs: [{ target: format, from: 0, to: runs }],
    seed,
    ...(values.input !== undefined && { input: values.input }),
  })
  console.log(line(format, figures.get(format)!, faults.length, (performance.now() - begun) / 1000))
  total += faults.length
  for (const fault of faults.slice(0, 5)) {
    console.log(`  ${fault.kind}: ${fault.text.split('\n').slice(0, 8).join('\n    ')}`)
    if (values.input === undefined) console.log(`  again: ${await keep(fault)}`)
  }
  if (faults.length > 5) console.log(`  … and ${faults.length - 5} more`)
}
console.log(`${total} faults in ${((performance.now() - started) / 1000).toFixed(0)} s`)
process.exitCode = total > 0 ? 1 : 0
