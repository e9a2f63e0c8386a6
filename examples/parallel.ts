// Several trials at once, kept in an SQLite file. Start this program twice at the same time: both work on one study.
//   parallel.ts [folder for the database]
import { setTimeout as delay } from 'node:timers/promises'
import { createStudy, defineSpace, float } from 'hypevolve'

const space = defineSpace({ x: float(-5, 5, { default: 4 }), y: float(-5, 5, { default: 4 }) })
const deadline = AbortSignal.timeout(60_000)

const study = await createStudy({
  space,
  direction: 'minimize',
  storage: `${process.argv[2] ?? 'runs/example'}/parallel.db`,
  name: 'banana',
})

await study.optimize(
  async (trial) => {
    const { x, y } = trial.hyp
    let value = Number.POSITIVE_INFINITY
    for (let epoch = 1; epoch <= 3; epoch++) {
      await delay(5, undefined, { signal: trial.signal }) // something that takes time and can be stopped
      value = (1 - x) ** 2 + 100 * (y - x ** 2) ** 2 // Rosenbrock's function
      await trial.report(epoch, { value })
    }
    if (value > 50_000) throw new RangeError(`${value} is too bad to be true`)
    return value
  },
  // 60 trials in all, four at a time here. A RangeError only fails its trial; any other error would end the search.
  { trials: 60, parallel: 4, signal: deadline, catch: (error) => error instanceof RangeError },
)

console.log(await study.counts(), study.best)
await study.close()
