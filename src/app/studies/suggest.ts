// `hypevolve suggest`: the next hyperparameters for a table or a study, without training.
import { existsSync, statSync } from 'node:fs'
import type { Hyp, SamplerName, History as SearchHistory, SearchSpace } from '../../search/index.ts'
import type { SuggestFlags } from '../cli/suggest.ts'
import { chooseSearch } from '../search.ts'
import { firstHyp, readTable, tableTrials } from './import-table.ts'
import { withStudy } from './open.ts'

/** What a suggestion is made of. */
interface Question {
  readonly space: SearchSpace
  readonly sampler: SamplerName
  readonly options: unknown
  readonly history: SearchHistory
  readonly seed: number
}

/** @returns the exit code */
export async function runSuggest(flags: SuggestFlags): Promise<number> {
  const { formatHyp, suggest } = await import('../../search/index.ts')
  const isFile = existsSync(flags.history) && statSync(flags.history).isFile()
  const question = isFile ? await fromFile(flags) : await fromStudy(flags)
  const { hyp, parents, mutated = [] } = suggest(question)
  if (flags.json) console.log(JSON.stringify({ number: question.history.size, hyp, parents, mutated }, null, 2))
  else {
    const from =
      parents.length === 0 ? 'without a parent' : `from ${parents.map((parent) => `row ${parent}`).join(', ')}`
    process.stdout.write(`# Suggestion after ${question.history.ended.length} trials, ${from}\n${formatHyp(hyp)}`)
  }
  return 0
}

async function fromFile(flags: SuggestFlags): Promise<Question> {
  const { findRelease, History } = await import('../../search/index.ts')
  const release = flags.release === undefined ? undefined : findRelease(flags.release)
  const start = flags.hyp === undefined ? undefined : await readHyp(flags.hyp)
  const table = await readTable(flags.history, { release, keys: undefined })
  const noautoanchor = flags.noautoanchor || !table.keys.includes('anchors')
  const search = await chooseSearch(
    { ...flags, like: table.release, noautoanchor },
    { hyp: start ?? firstHyp(table), source: flags.hyp ?? flags.history },
  )
  const history = new History()
  for (const [number, { hyp, ending }] of (await tableTrials(table, search.fitness)).entries())
    history.set({ hyp, ...ending, number, parents: [], mutated: [], attempt: 0 })
  return {
    space: search.space,
    sampler: search.sampler.name,
    options: search.sampler.options,
    history,
    seed: flags.seed,
  }
}

/** A study knows its own space and sampler; flags change them. */
async function fromStudy(flags: SuggestFlags): Promise<Question> {
  return withStudy(flags.history, flags, async (storage, record) => {
    const { Study } = await import('../../study/index.ts')
    const study = await Study.open(storage, record)
    const { sampler } = record.definition
    const question = { history: study.history, seed: flags.seed }
    if (!changesSearch(flags))
      return { ...question, space: study.space, sampler: sampler.name as SamplerName, options: sampler.options }
    const search = await chooseSearch(
      { fitness: record.definition.fitness, ...flags },
      { hyp: study.space.start, source: record.name },
      flags.release === undefined && flags.space === undefined ? study.space : undefined,
    )
    return { ...question, space: search.space, sampler: search.sampler.name, options: search.sampler.options }
  })
}

const changesSearch = ({ history: _, seed: __, json: ___, storage: ____, noautoanchor, ...search }: SuggestFlags) =>
  noautoanchor || Object.values(search).some((value) => value !== undefined)

async function readHyp(name: string): Promise<Hyp> {
  const { rawHyp } = await import('../../detect/index.ts')
  return rawHyp(name).hyp as Hyp
}
