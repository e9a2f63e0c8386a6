// The order of trials for samplers that learn from ranks.
import type { EndedTrial } from '../trial.ts'

const place = { complete: 0, pruned: 1, failed: 2 } as const

/**
 * For sorting: complete trials by fitness, then pruned ones by how far they came, those of equal length by fitness, then
 * failed ones; what is still equal by number.
 */
export function betterFirst(a: EndedTrial, b: EndedTrial): number {
  if (a.state !== b.state) return place[a.state] - place[b.state]
  if (a.state === 'pruned' && b.state === 'pruned' && a.epochs !== b.epochs) return b.epochs - a.epochs
  const [x, y] = [fitnessOf(a), fitnessOf(b)]
  if (x !== y) return x > y ? -1 : 1
  return a.number - b.number
}

function fitnessOf(trial: EndedTrial): number {
  const fitness = trial.state === 'failed' ? undefined : trial.fitness
  return fitness === undefined || Number.isNaN(fitness) ? -Infinity : fitness
}
