// Every training is a whole one.
import { z } from 'zod'
import { definePruner } from '../pruner.ts'

export const none = definePruner({
  name: 'none',
  summary: 'trains everything to the end',
  options: z.object({}),
  neverStops: true,
  grant: ({ rungs }) => ({ epochs: rungs.at(-1)! }),
  verdict: () => 'continue',
})
