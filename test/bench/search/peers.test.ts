import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { openPeers } from '../../../bench/search/peers.ts'
import { openScenario } from '../../../bench/search/problems/index.ts'
import { simulate } from '../../../bench/search/simulate.ts'
import { itWith } from '../../helpers/peers.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const given = process.env['HYPEVOLVE_SEARCH_PEERS']
const here = existsSync(given ?? `${root}/.peers/search/bin/python`)

afterEach(() => {
  if (given === undefined) delete process.env['HYPEVOLVE_SEARCH_PEERS']
  else process.env['HYPEVOLVE_SEARCH_PEERS'] = given
})

describe('peers', () => {
  it('are missing with a word where their Python is not there', async () => {
    process.env['HYPEVOLVE_SEARCH_PEERS'] = '/nowhere/python'
    const { methods, missing } = await openPeers(root)
    expect([methods, missing]).toEqual([[], 'No peers: there is no /nowhere/python. Install them with --setup-peers.'])
  })

  itWith(here, '.peers/search (--setup-peers of bench:search)')(
    'search, repeat themselves, begin with the default, and stop what does not promise',
    async () => {
      const { methods, end } = await openPeers(root)
      try {
        expect(methods.map(({ name }) => name)).toContain('optuna-tpe')
        for (const name of ['optuna-tpe', 'optuna-tpe-hyperband']) {
          const method = methods.find((each) => each.name === name)!
          const problem = await (await openScenario('hartmann3-good')).problem('only', 'medium', 1)
          const run = () => simulate(problem, method, { budget: 12, workers: 1, seed: 1 })
          const first = await run()
          expect(await run()).toEqual(first)
          expect(first.trainings > first.full).toBe(name === 'optuna-tpe-hyperband')
          expect(first.steps[1].regret).toBeCloseTo(first.steps[0].regret, 9)
        }
      } finally {
        end()
      }
    },
  )
})
