// The search alone, without any training: ask for a hyp, try it, tell how good it was.
//
// In a project of yours: npm install hypevolve, then run this file with a runner for TypeScript.
import { MemoryStorage, SearchSpace, Study } from 'hypevolve'

/** Stands for something costly; best (1) at lr0 = 0.02, momentum = 0.9. */
const train = async (hyp: { readonly [key: string]: number }) =>
  1 / (1 + Math.log(hyp.lr0 / 0.02) ** 2 + 100 * (hyp.momentum - 0.9) ** 2)

const space = new SearchSpace(
  { lr0: 0.001, momentum: 0.7 }, // where to start
  { lr0: { gain: 1, lower: 1e-5, upper: 0.1 }, momentum: { gain: 0.3, lower: 0.6, upper: 0.98 } },
)
const study = await Study.open({ space, storage: new MemoryStorage(), seed: 1 })

for (let i = 0; i < 200; i++) {
  const trial = await study.ask()
  await study.tell(trial, await train(trial.hyp))
}

const best = await study.incumbent()
console.log(`best of 200: trial ${best?.number}, fitness ${best?.fitness.toFixed(4)}`, best?.hyp)
