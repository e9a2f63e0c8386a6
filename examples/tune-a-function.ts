// Searches for the best settings of any function. In memory, without any training and without native modules.
//
// In a project of yours: npm install hypevolve, then run this file with a runner for TypeScript.
import { choice, createStudy, defineSpace, float, integer } from 'hypevolve'

const space = defineSpace({
  temperature: float(0.1, 1000, { log: true }),
  cooling: float(0.5, 0.999, { default: 0.9 }),
  neighbours: integer(1, 20),
  restart: choice('never', 'when stuck'),
  patience: integer(5, 100, { when: { restart: ['when stuck'] } }),
})

/** Stands for something costly. `hyp.restart` has the type 'never' | 'when stuck', `hyp.patience` may be undefined. */
function cost(hyp: typeof space.start): number {
  const restarts = hyp.restart === 'never' ? 1 : Math.abs((hyp.patience ?? 0) - 40) / 40
  return Math.abs(Math.log10(hyp.temperature / 30)) + 10 * Math.abs(hyp.cooling - 0.97) + hyp.neighbours / 20 + restarts
}

const study = await createStudy({ space, direction: 'minimize', seed: 1 })
await study.optimize((trial) => cost(trial.hyp), { trials: 300 })

const { best } = study
console.log(`best of 300: trial ${best?.number}, cost ${best?.value.toFixed(3)}`, best?.hyp)
await study.close()
