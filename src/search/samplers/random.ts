// Random search, the yardstick for all others (Bergstra and Bengio, JMLR 13, 2012).
import { z } from 'zod'
import { defineSampler } from '../sampler.ts'

/**
 * Every hyperparameter that may move is drawn anew between its bounds: by its logarithm where they are positive and at
 * least a factor of 100 apart (learning rates), else evenly. The first trial is the start hyp, as everywhere.
 */
export const random = defineSampler({
  name: 'random',
  summary: 'draws every value anew between its bounds',
  options: z.object({}),

  propose({ space, number, rng }) {
    const start = { hyp: space.toHyp(space.defaults), parents: [] }
    if (number === 0) return start
    const values = space.keys.map((key, i) => {
      const [lower, upper] = [space.lower[i], space.upper[i]]
      const u = rng.numpy.random() // drawn for frozen keys too: fixing one key leaves the others' values as they were
      if (space.gains[i] === 0) return Number(start.hyp[key])
      if (lower > 0 && upper / lower >= 100) return Math.exp(Math.log(lower) + u * Math.log(upper / lower))
      return lower + u * (upper - lower)
    })
    return { hyp: space.toHyp(values), parents: [] }
  },
})
