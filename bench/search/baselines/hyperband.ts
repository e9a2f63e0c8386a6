// Hyperband with random hyps: Li et al., JMLR 18, 2018.
import type { Search, Setting } from '../method.ts'
import { BracketSearch } from './brackets.ts'
import { drawsOf } from './draws.ts'

export function hyperband(setting: Setting, options: { readonly resumes: boolean }): Search {
  const random = drawsOf(setting)
  return new BracketSearch(setting, (_rung, { cube }) => cube.draw(() => random.random()), options)
}
