// The problems by name: a folder of YAHPO's, or one of the made ones.
import { existsSync } from 'node:fs'
import type { Scenario } from '../problem.ts'
import { hartmannScenario } from './hartmann.ts'
import { syntheticScenario } from './synthetic.ts'
import { ScenarioError, yahpoScenario } from './yahpo.ts'

const made: Readonly<Record<string, () => Scenario>> = {
  'hartmann3-good': () => hartmannScenario(3, 'good'),
  'hartmann3-bad': () => hartmannScenario(3, 'bad'),
  'hartmann6-good': () => hartmannScenario(6, 'good'),
  'hartmann6-bad': () => hartmannScenario(6, 'bad'),
  synthetic25: syntheticScenario,
}

export const madeScenarios = Object.keys(made)

/** @throws {@link ScenarioError} if the words name none */
export async function openScenario(words: string): Promise<Scenario> {
  const make = made[words]
  if (make) return make()
  if (existsSync(words)) return yahpoScenario(words)
  throw new ScenarioError(`There is no folder ${words}, and no scenario of that name (${madeScenarios.join(', ')}).`)
}

/**
 * The tasks that words name: `dev`, `final` (all but these), `all`, the first few of one as in `dev:4`, or names.
 *
 * @throws {@link ScenarioError} if one is not there
 */
export function tasksOf(scenario: Scenario, words: string): readonly string[] {
  const [group, count] = words.split(':')
  const groups: Record<string, readonly string[]> = {
    dev: scenario.development,
    final: scenario.tasks.filter((task) => !scenario.development.includes(task)),
    all: scenario.tasks,
  }
  const list = groups[group]
  if (list !== undefined) {
    const chosen = count === undefined ? list : list.slice(0, Number(count))
    if (chosen.length === 0) throw new ScenarioError(`${scenario.name} has no tasks ${words}.`)
    return chosen
  }
  const names = words.split(',').map((task) => task.trim())
  const missing = names.find((task) => !scenario.tasks.includes(task))
  if (missing === undefined) return names
  throw new ScenarioError(
    `${scenario.name} has no task ${missing}: give dev, final, all, dev:4, or names of ${scenario.tasks.join(', ')}.`,
  )
}

export { ScenarioError }
