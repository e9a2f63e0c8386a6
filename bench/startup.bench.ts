// How long the command line takes to answer, and what importing the parts of the library costs.
//   npm run bench:startup
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../dist/app/cli/main.js', import.meta.url))
const library = new URL('../dist/index.js', import.meta.url).href
const rounds = 15

const cases: Record<string, string[]> = {
  'node, nothing': ['-e', '0'],
  'hypevolve --help': [main, '--help'],
  'hypevolve train --help': [main, 'train', '--help'],
  'hypevolve --version': [main, '--version'],
  "import 'hypevolve'": ['--input-type=module', '-e', `await import(${JSON.stringify(library)})`],
}

console.log(`median and slowest of ${rounds} starts, ms (limit for --help: 200)`)
for (const [name, words] of Object.entries(cases)) {
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`${name}: exit code ${status}\n${stderr}`)
    times.push(performance.now() - began)
  }
  times.sort((a, b) => a - b)
  const median = times[Math.floor(rounds / 2)]!
  console.log(`${name.padEnd(26)} ${median.toFixed(0).padStart(5)} ${times.at(-1)!.toFixed(0).padStart(5)}`)
}
