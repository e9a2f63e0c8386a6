// A search of real trainings. Its memory is the file: a search that was interrupted proposes the same again, and what it
// proposed is looked up instead of trained.
import {
  History,
  type Hyp,
  hypDigest,
  lowestRung,
  nextTraining,
  type ProposedTrial,
  type Sampler,
  type SamplerName,
  type Schedule,
  samplers,
} from '../../src/search/index.ts'
import { type Line, space, type Trainings } from './trainings.ts'

export interface RunOptions {
  readonly method: SamplerName
  /** Of the search and of all its trainings. */
  readonly seed: number
  /** In full trainings. */
  readonly budget: number
  readonly onTrial: (line: Line) => void
}

export const runName = (method: string, seed: number): string => `${method}/${seed}`

/** The trials of a search as they stand in the file, by number. Where it was made anew from some trial on, the new ones. */
export function trialsOf(lines: readonly Line[], run: string): Line[] {
  const trials: Line[] = []
  for (const line of lines) {
    if (line.run !== run) continue
    trials.length = line.number!
    trials.push(line)
  }
  return trials
}

/** The code proposes otherwise than when the search began. */
export class OtherCodeError extends Error {}

/** A search with shorter trainings where its method asks for them, as `hypevolve train --evolve` has it; to its end. */
export async function runSearch(trainings: Trainings, options: RunOptions & { readonly anew: boolean }): Promise<void> {
  const { method, seed, budget, anew, onTrial } = options
  const { epochs: full } = trainings.settings
  const run = runName(method, seed)
  const sampler = samplers[method] as Sampler<unknown>
  const samplerOptions = sampler.options.parse({})
  const pruner = sampler.pruner
  const schedule: Schedule | undefined = pruner === undefined ? undefined : scheduleWith(pruner, full)
  const history = new History()
  let earlier = trialsOf(trainings.lines, run)

  for (let number = 0; schedule !== undefined || number < budget; number++) {
    const request = { space, sampler, samplerOptions, schedule, history, seed, number, target: budget }
    const proposal = nextTraining(request)
    if (proposal === undefined) return
    const trial: ProposedTrial = { number, mutated: [], attempt: 1, ...proposal }
    const epochs = trial.fidelity ?? full
    let line: Line | undefined = earlier[number]
    if (line && !isOf(line, trial.hyp, epochs)) {
      if (!anew)
        throw new OtherCodeError(
          `${run} was searched by other code: trial ${number} would be another one now. --anew searches on from there.`,
        )
      earlier = []
      line = undefined
    }
    if (!line) {
      line = await trainings.train(trial.hyp, epochs, seed, { run, number })
      onTrial(line)
    }
    tell(history, trial, line, full)
  }
}

const scheduleWith = (pruner: string, epochs: number): Schedule => ({
  epochs,
  lowest: lowestRung(epochs, Number(space.start['warmup_epochs'])),
  rungs: 'restart',
  pruner: { name: pruner, options: {} },
  confirm: 0, // the bench confirms by itself, and sends no bill
})

const isOf = (line: Line, hyp: Hyp, epochs: number) =>
  line.epochs === epochs && hypDigest(space.toHyp(line.values)) === hypDigest(hyp)

function tell(history: History, trial: ProposedTrial, { epochs, fitness, failure }: Line, full: number): void {
  history.set({ ...trial, state: 'running' })
  if (fitness === null)
    history.set({ ...trial, state: 'failed', failure: failure === 'diverged' ? failure : 'crash', output: ['failed'] })
  else if (epochs < full) history.set({ ...trial, state: 'pruned', epochs, fitness, metrics: {} })
  else history.set({ ...trial, state: 'complete', fitness, metrics: {} })
}
