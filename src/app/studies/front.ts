// The picture of a study with two objectives.
import type { FrontTable } from '../../report/index.ts'
import { type CompleteTrial, isFeasible, paretoFront, type Trial } from '../../search/index.ts'
import type { StudyDefinition } from '../../study/index.ts'
import { counted } from '../console/text.ts'

/** `undefined`: the study has one objective. */
export function frontTable(
  { name, definition }: { readonly name: string; readonly definition: StudyDefinition },
  trials: readonly Trial[],
): FrontTable | undefined {
  const { second, direction } = definition
  if (!second) return undefined
  const fitness = direction === 'minimize' ? `-(${definition.fitness})` : definition.fitness
  const minimize = second.direction === 'minimize'
  const complete = trials.filter((trial): trial is CompleteTrial => trial.state === 'complete')
  const front = new Set(paretoFront(complete))
  const start = complete.find(({ number }) => number === 0)
  return {
    title: `fitness and ${second.expression} of ${name}: ${counted(complete.length, 'trial')}, ${front.size} on the front`,
    x: second.expression,
    y: `fitness (${fitness})`,
    minimize,
    points: complete.map((trial) => ({
      number: trial.number,
      first: trial.fitness,
      second: (minimize ? -1 : 1) * (trial.second ?? Number.NaN),
      kind: front.has(trial) ? 'front' : isFeasible(trial) ? 'behind' : 'broken',
      isStart: trial === start,
    })),
  }
}
