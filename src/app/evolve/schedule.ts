// How long the trainings of an evolution are, and what is kept to confirm its winner: from flags and from what the trainer
// can do.
import { UsageError } from '../../base/index.ts'
import type { TrainerTraits } from '../../run/index.ts'
import type { Pruner, Sampler, SamplerName, Schedule } from '../../search/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { counted } from '../console/text.ts'
import { type ChosenSearch, typedOptions } from '../search.ts'
import type { EvolvedTraining } from './training.ts'

/** What the trainer of an evolution can do. */
export async function traitsOf({ options, program, installed }: EvolvedTraining): Promise<TrainerTraits> {
  const { commandTraits, embeddedTraits } = await import('../../run/index.ts')
  if (options) return embeddedTraits(options)
  if (installed) return installed.adapter.traits(installed.installation, installed.training)
  return commandTraits({ command: program ?? [] })
}

/** Flags that only a study with a schedule has. */
const scheduleFlags = ['pruner', 'prunerOption', 'budget', 'until', 'confirm', 'earlyEnd'] as const

/**
 * The schedule of an evolution; `undefined` where an original is evolved as it was: then a target counts trials.
 *
 * @throws {@link UsageError}
 */
export async function chooseSchedule(
  flags: TrainFlags,
  search: Pick<ChosenSearch, 'sampler' | 'space'>,
  traits: TrainerTraits,
): Promise<Schedule | undefined> {
  const { lowestRung, pruners, samplers } = await import('../../search/index.ts')
  const sampler = samplers[search.sampler.name as SamplerName] as Sampler<unknown>
  if (sampler.original && scheduleFlags.every((name) => flags[name] === undefined)) return undefined
  const name = flags.pruner ?? sampler.pruner ?? 'none'
  if (!Object.hasOwn(pruners, name))
    throw new UsageError(`--pruner ${name}: there is no such pruner. Choose one of ${Object.keys(pruners).join(', ')}.`)
  const pruner = pruners[name as keyof typeof pruners] as Pruner<unknown>
  const options = typedOptions(pruner, flags.prunerOption ?? [], { what: 'pruner', flag: '--pruner-option' })
  if (flags.secondObjective !== undefined && typeof flags.confirm === 'number' && flags.confirm > 0)
    throw new UsageError(
      '--confirm: a front of two objectives has no single winner to confirm. Leave one of the flags out.',
    )
  const isOne = flags.confirm !== false && flags.secondObjective === undefined
  const confirm = isOne ? (flags.confirm ?? sampler.confirm ?? 0) : 0
  const early = flags.earlyEnd ?? sampler.patience !== undefined
  return {
    epochs: flags.epochs,
    lowest: lowestRung(flags.epochs, traits.warmupEpochs(search.space.start)),
    rungs: traits.anyLength ? 'restart' : 'stop',
    pruner: { name, options: options as Schedule['pruner']['options'] },
    confirm,
    ...(early && { patience: sampler.patience ?? usualPatience }),
  }
}

/** Trainings' worth without anything better, for samplers that have no number of their own. */
const usualPatience = 50

/** What people should know of a search before it begins, one sentence each. */
export async function scheduleNotes(
  schedule: Schedule,
  {
    search,
    trials,
    traits,
    flags,
  }: {
    readonly search: Pick<ChosenSearch, 'sampler' | 'space'>
    /** Full trainings' worth; `undefined` until that is known. */
    readonly trials: number | undefined
    readonly traits: TrainerTraits
    readonly flags: Pick<TrainFlags, 'sampler' | 'finalEpochs'>
  },
): Promise<string[]> {
  const { confirmationTrainings, History, rungsOf, samplers } = await import('../../search/index.ts')
  const { randomFor } = await import('../../base/index.ts')
  const { epochs, pruner, confirm } = schedule
  const rungs = rungsOf(schedule)
  const short = rungs.slice(0, -1).join(' or ')
  const sampler = samplers[search.sampler.name] as Sampler<unknown>
  const rng = randomFor(0, 1)
  const context = {
    space: search.space,
    number: 1,
    history: new History(),
    rng,
    rngOf: () => rng,
    fidelity: { epochs, rungs },
  }
  const onlyFull = sampler.wantsFull?.(context, search.sampler.options) === true
  const notes: string[] = []
  if (flags.sampler === undefined)
    notes.push(
      `Searches with ${search.sampler.name}, which needs far fewer trainings than YOLOv5's own evolution; for that one: --sampler yolov5`,
    )
  if (trials !== undefined) {
    const repeats = confirmationTrainings(trials, confirm)
    const last =
      repeats > 0
        ? `; the last ${repeats} train the best and the start again${traits.seeded ? ' with other seeds' : ' (this trainer takes no seed)'}, to be sure`
        : confirm > 0
          ? '; too few to train the best again, so the answer will not be confirmed'
          : ''
    notes.push(
      `${counted(amount(trials), 'training')} means as many epochs as so many full trainings have (${Math.round(trials * epochs)})${last}.`,
    )
  }
  if (pruner.name !== 'none' && short === '')
    notes.push(
      `Trainings of ${counted(epochs, 'epoch')} leave no room for shorter ones (the shortest that tells anything has ` +
        `${schedule.lowest}), so every training is a whole one.`,
    )
  else if (onlyFull)
    notes.push(
      `Every training is a whole one: with so many hyperparameters a few short ones teach too little. (--sampler priorband has them.)`,
    )
  else if (pruner.name !== 'none' && schedule.rungs === 'restart')
    notes.push(
      `Trainings may be short: ${short} epochs, with a schedule of their own. What is good there is trained for ${epochs}, and only that counts.`,
    )
  else if (pruner.name !== 'none')
    notes.push(
      `Trainings are stopped after ${short} of ${epochs} epochs where they do not promise enough. ` +
        'This command takes no number of epochs; with {epochs} in it short trainings have a schedule of their own, which tells more.',
    )
  const { finalEpochs = epochs } = flags
  if (finalEpochs !== epochs)
    notes.push(
      `NOTE: hyperparameters that win over ${epochs} epochs need not win over ${finalEpochs}: short runs favour a high learning rate ` +
        `and little augmentation or weight decay, which overfit when trained longer. Search with --epochs nearer to ${finalEpochs} if you can; ` +
        `before you rely on the winner, train it and the start for ${finalEpochs} epochs.`,
    )
  return notes
}

const amount = (worth: number) => Math.round(worth * 10) / 10
