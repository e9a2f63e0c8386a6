// The training of the kill tests: it waits a few milliseconds per epoch and reports what a formula says about its
// hyperparameters. What it reports at the end it first writes into a log of its own, on the disk before anybody is told,
// so that the tests know what was measured independently of what the study says.
//
//   node training.mjs LEAST_MS MOST_MS OUT HYP EPOCHS TRIAL ATTEMPT
//
// OUT lies in the trial's folder; the log lies in the study's, two above that.
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const [leastMs, mostMs, out, hypFile, epochs, trial, attempt] = process.argv.slice(2)
const hyp = Object.fromEntries(
  [...readFileSync(hypFile, 'utf8').matchAll(/^(\w+): *([-+.\w]+)/gm)].map(([, key, value]) => [key, Number(value)]),
)
const fitness = 1 / (1 + Math.log(hyp.lr0 / 0.02) ** 2 + 20 * (hyp.momentum - 0.9) ** 2)

/** How it ends: mostly well; sometimes badly the first time, sometimes always. */
const fate = Number(trial) < 2 ? 'well' : ({ 0: 'crash once', 1: 'diverge' }[Math.round(hyp.lr0 * 1e5) % 16] ?? 'well')
for (let epoch = 1; epoch <= Number(epochs); epoch++) {
  await delay(Number(leastMs) + Math.random() * (mostMs - leastMs))
  if (fate === 'crash once' && attempt === '1') {
    console.error('Segmentation fault (as if)')
    process.exit(139)
  }
  const value = fate === 'diverge' ? Number.NaN : (fitness * epoch) / Number(epochs)
  const metrics = { precision: value / 2, recall: value / 3, mAP50: value, mAP50to95: value }
  if (epoch === Number(epochs)) {
    const file = openSync(join(out, '../../../measured.jsonl'), 'a')
    const entry = { trial: Number(trial), attempt: Number(attempt), value: String(value), hyp }
    writeSync(file, `\n${JSON.stringify(entry)}\n`) // a new line first: the one before may have been cut off
    fsyncSync(file)
    closeSync(file)
  }
  const line = JSON.stringify({ epoch, ...metrics, boxLoss: 0.05, objLoss: 0.02, clsLoss: 0.01 })
  process.stdout.write(`${line.replaceAll('null', 'NaN')}\n`) // as Python writes it
}
