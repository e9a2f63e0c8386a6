// A search killed without warning, again and again: what it said was kept is there when it goes on.
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { EvolveFolder, readEvolveCsv } from './index.ts'

const keys = ['lr0', 'lrf']
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Searches without end, as fast as it can; says the number of each trial that is kept. */
const program = (entry: string) => `
  import { EvolveFolder, SearchSpace, Study } from ${JSON.stringify(entry)}
  const folder = await EvolveFolder.open(process.argv[2], { seed: 1, keys: ['lr0', 'lrf'] })
  const range = { gain: 1, lower: 0.001, upper: 1 }
  const space = new SearchSpace({ lr0: 0.1, lrf: 0.1 }, { lr0: range, lrf: range })
  const study = await Study.open({ space, storage: folder.storage })
  for (;;) {
    const trial = await study.ask()
    const mAP = trial.hyp.lr0
    const results = { precision: 0, recall: 0, mAP50: mAP, mAP50to95: mAP, boxLoss: 0, objLoss: 0, clsLoss: 0 }
    await folder.record(await study.tell(trial, results))
    process.stdout.write(trial.number + '\\n')
  }
`

it('loses nothing that was kept', async () => {
  const script = join(folder, 'search.mjs')
  await build({
    stdin: { contents: program(fileURLToPath(new URL('../index.ts', import.meta.url))), resolveDir: folder },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: script,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
  const directory = join(folder, 'exp')
  mkdirSync(directory)
  let kept = -1
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [script, directory])
    let said = ''
    let complaint = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (complaint += chunk))
    while (said === '' && complaint === '') await delay(5)
    await delay(7 * round)
    child.kill('SIGKILL')
    await new Promise((resolve) => child.on('close', resolve))
    expect(complaint).toBe('')

    const numbers = said.split('\n').slice(0, -1).map(Number)
    expect(numbers[0]).toBeLessThanOrEqual(kept + 2) // the one that was in training is the first to go on with
    kept = numbers.at(-1)!
    const opened = await EvolveFolder.open(directory, { seed: 1, keys })
    const trials = await opened.storage.trials()
    await opened.close()
    expect(trials.filter(({ state }) => state === 'finished').length).toBeGreaterThan(kept)
    expect(trials.map(({ number }) => number)).toEqual(trials.map((_, i) => i))
    const { rows } = readEvolveCsv(readFileSync(join(directory, 'evolve.csv'), 'utf8'), keys, 'evolve.csv')
    expect(rows).toHaveLength(trials.filter(({ state }) => state === 'finished').length)
  }
  expect(readdirSync(directory).filter((name) => name.endsWith('.lock'))).toEqual([])
})
