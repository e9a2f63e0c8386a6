// `npm run quickstart`: from a bare clone to an evolved detector. Installs what is missing (saying so first), builds, and
// evolves the hyperparameters of a small YOLOv5 on the built-in digits.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { build, duration, root, setUp } from './setup.mjs'

/** Fine-tunes small packaged weights: six generations take a few minutes on two cores, and most digits are found. */
const command =
  'train --data digits --weights yolov5n-digits.safetensors --imgsz 128 --epochs 5 --cache --evolve 6 --fix anchors'.split(
    ' ',
  )

const { installMs } = await setUp({ what: 'npm run quickstart' })
const buildBegan = Date.now()
await build()
const buildMs = Date.now() - buildBegan

console.log(`\n$ npx hypevolve ${command.join(' ')}\n`)
const began = Date.now()
process.on('SIGINT', () => {}) // Ctrl-C is for the training, which saves and ends by itself
const status = await new Promise((resolve) => {
  const child = spawn(process.execPath, [join(root, 'dist/app/cli/main.js'), ...command], {
    cwd: root,
    stdio: 'inherit',
  })
  child.once('close', (code) => resolve(code ?? 1))
})
if (status !== 0) process.exit(status)

console.log(`
Installing took ${duration(installMs)}, compiling ${duration(buildMs)}, evolving ${duration(Date.now() - began)}.
What it made:
${results().join('\n')}
Next: npx hypevolve train --help`)

function results() {
  const folder = join(root, 'runs/evolve')
  if (!existsSync(folder)) return []
  const newest = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory())
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]
  const meaning = {
    'evolve.png': 'one panel per hyperparameter: its value against fitness',
    'evolve.csv': 'one row per generation: results, then the hyperparameters',
    'hyp_evolve.yaml': 'the best hyperparameters found',
  }
  return Object.entries(meaning).map(([name, text]) => `  ${relative(root, join(newest, name)).padEnd(34)} ${text}`)
}
