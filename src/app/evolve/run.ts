import { mkdir, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { TrainEvent } from '../../detect/index.ts'
import type { Executor, LoopEvent, LoopSummary, Pace } from '../../run/index.ts'
import type { CompleteTrial, EndedTrial } from '../../search/index.ts'
import type { BegunStudy, Study, StudyRecord } from '../../study/index.ts'
import { evolveFormats } from '../../study/index.ts'
import type { TrainFlags } from '../cli/train-flags.ts'
import { EvolveConsole } from '../console/evolve-console.ts'
import { planLines } from '../console/plan-text.ts'
import type { Terminal } from '../console/terminal.ts'
import { counted, durationText } from '../console/text.ts'
import { TrainConsole } from '../console/train-console.ts'
import { meansGpus } from '../device.ts'
import { goOffline } from '../fetch-assets.ts'
import { type Interrupts, watchInterrupts } from '../interrupt.ts'
import type { ChosenSearch } from '../search.ts'
import { startLine } from '../start-line.ts'
import { amountText } from '../studies/progress.ts'
import { settingsOf } from '../studies/settings.ts'
import { answerLines } from './answer-text.ts'
import { begin } from './begin.ts'
import { BudgetClock, budgetOf, workedMs } from './budget.ts'
import { CoreShare } from './cores.ts'
import { chooseWhole, goesOnAsOriginal, isOriginal, originalInstead } from './definition.ts'
import { EvolveFiles } from './files.ts'
import { trainerOffer } from './offer.ts'
import { outsideTrainer } from './outside.ts'
import { familyOf, repairLatest } from './repair.ts'
import { EvolveResults } from './results.ts'
import { evolutionFolder } from './resume.ts'
import { scheduleNotes } from './schedule.ts'
import { hasTestSplit, repeatsToTest } from './test-split.ts'
import { type EvolvedTraining, evolvedTraining } from './training.ts'

export interface RunEvolveOptions {
  readonly flags: TrainFlags
  /** Words of the command line after `hypevolve train`, kept with the study. */
  readonly words: readonly string[]
  readonly terminal: Terminal
  /** `hypevolve resume`: this study, as far as it was meant to go. */
  readonly resume?: StudyRecord
}

/** @returns the exit code */
export async function runEvolve({ flags, words, terminal, resume }: RunEvolveOptions): Promise<number> {
  if (!resume) {
    const offer = await trainerOffer(flags, words)
    if (offer !== undefined) terminal.line(offer)
  }
  goOffline(flags)
  const training = await evolvedTraining(flags, terminal)
  for (const text of training.notes) terminal.line(text)
  const known = resume && isOriginal(resume.definition)
  const asked = await chooseWhole(flags, training, known === true ? 'original' : 'auto')
  if (training.program) {
    const { checkCommand, checkShellCommand } = await import('../../run/index.ts')
    if (flags.shell) checkShellCommand(training.program, asked.search.space.keys)
    else checkCommand(training.program, asked.search.space.keys)
  }
  const { planSlots } = await import('../../run/index.ts')
  const cores = new CoreShare(flags.threads)
  const slotPlan = planSlots({
    device: flags.device,
    jobs: flags.jobs,
    perDevice: flags.perDevice,
    cores: cores.total,
    gpus: training.trainer === 'embedded' && !(await meansGpus(flags.device)) ? 0 : 'unknown',
  })
  for (const text of slotPlan.notes) terminal.warn(text)

  const { openStorage } = await import('../../study/index.ts')
  const storage = await openStorage(flags.storage)
  for (const text of storage.notes) terminal.line(text)
  try {
    let whole = asked
    if (!resume) {
      const base = evolutionFolder(flags, evolveFormats[asked.search.format])
      const family = familyOf(await storage.studies(), base)
      await repairLatest(storage, family, (text) => terminal.warn(text))
      whole = await originalInstead(asked, { flags, training, family, base })
      if (whole !== asked) terminal.line(goesOnAsOriginal)
    }
    const { search, schedule } = whole
    for (const text of [...search.space.notes, ...search.notes]) terminal.line(text)
    const request = { flags, words, whole, training, resume, terminal }
    const begun = await begin(storage, request)
    if (begun.case === 'created' && schedule) {
      const about = { search, trials: begun.study.target, traits: whole.traits, flags }
      for (const text of await scheduleNotes(schedule, about)) terminal.line(text)
    }
    const evolution = new Evolution({
      flags,
      terminal,
      search,
      training,
      begun,
      resumed: resume,
      cores,
      slots: slotPlan.slots,
    })
    return await evolution.run()
  } finally {
    await storage.close()
  }
}

interface EvolutionParts {
  readonly flags: TrainFlags
  readonly terminal: Terminal
  readonly search: ChosenSearch
  readonly training: EvolvedTraining
  readonly begun: BegunStudy
  /** By `hypevolve resume`. */
  readonly resumed: StudyRecord | undefined
  readonly cores: CoreShare
  readonly slots: Executor['slots']
}

/** One process's part in an evolution. */
class Evolution {
  readonly #parts: EvolutionParts
  readonly #study: Study
  readonly #folder: string
  readonly #created: boolean
  /** Taken over from a table when the study was made. */
  readonly #firstTrials: number
  readonly #terminal: Terminal
  readonly #files: EvolveFiles
  readonly #console: EvolveConsole
  readonly #trainConsole: TrainConsole | undefined
  readonly #interrupts: Interrupts
  readonly #cancelled = new AbortController()
  readonly #signal: AbortSignal
  #results: EvolveResults | undefined
  #pace: Pace | undefined
  #budgetClock: BudgetClock | undefined
  #revised: Promise<unknown> = Promise.resolve()
  #failure: { readonly cause: unknown } | undefined

  constructor(parts: EvolutionParts) {
    const { flags, terminal, search, begun, slots } = parts
    this.#parts = parts
    this.#terminal = terminal
    this.#study = begun.study
    this.#folder = begun.study.name
    this.#created = begun.case === 'created'
    this.#firstTrials = this.#created ? begun.study.history.ended.length : 0
    this.#interrupts = watchInterrupts(terminal)
    this.#signal = AbortSignal.any([this.#interrupts.signal, this.#cancelled.signal])
    this.#files = new EvolveFiles({
      study: begun.study,
      folder: this.#folder,
      format: evolveFormats[search.format],
      ranking: search.ranking,
      imported: settingsOf(begun.study.definition).imported ?? 0,
      warn: (text) => terminal.warn(text),
    })
    // One training of our own at a time is shown as v7.0 shows it; several, or an outside program, in a line each.
    const atLength = slots.length === 1 && parts.training.trainer === 'embedded'
    const releaseText = (trial: CompleteTrial) => this.#files.consoleText(trial, terminal.prefix('evolve'))
    this.#console = new EvolveConsole(terminal, {
      study: begun.study,
      slots: slots.length,
      epochs: flags.epochs,
      finalEpochs: flags.finalEpochs,
      ...(atLength && { releaseText }),
    })
    this.#trainConsole = atLength ? new TrainConsole(terminal, { detail: 'compact' }) : undefined
  }

  async run(): Promise<number> {
    const { runTrials, parseKeep } = await import('../../run/index.ts')
    const { flags, training } = this.#parts
    const study = this.#study
    let executor: Executor | undefined
    try {
      await mkdir(this.#folder, { recursive: true })
      await this.#parts.cores.watch(study)
      await this.#tellStart()
      if (training.options) this.#results = new EvolveResults(study, this.#folder)
      executor = await this.#executor()
      for (const text of await this.#files.begin({ fresh: this.#created })) this.#terminal.warn(text)
      this.#interrupts.onHardExit(() => executor?.kill())
      if (!(await this.#smoke())) return this.#interrupts.exitCode ?? 130
      const clock = await this.#clock()
      const isTested = training.options !== undefined && (await hasTestSplit(flags.data))
      const keep = { ...parseKeep(flags.keep), ...(isTested && { protect: repeatsToTest }) }
      const summary = await runTrials({
        study,
        executor,
        folder: this.#folder,
        seed: study.seed,
        keep,
        title: basename(this.#folder),
        signal: this.#signal,
        ...(clock && { deadline: clock.deadline }),
        onComplete: async (trial) => {
          await this.#results?.write(trial.number)
          await this.#files.write()
        },
        onEvent: (event) => this.#onLoopEvent(event),
      })
      await this.#revised
      if (this.#failure) throw this.#failure.cause
      return await this.#end(summary, executor)
    } catch (error) {
      this.#terminal.finish()
      await this.#files.finish()
      await this.#removeIfEmpty()
      throw error
    } finally {
      this.#interrupts.stop()
      this.#parts.cores.stop()
      await executor?.close()
      await study.close()
    }
  }

  /** Which study it is, and what is going to happen. */
  async #tellStart(): Promise<void> {
    const { planOf } = await import('../../run/index.ts')
    const { flags, search, begun, slots, cores } = this.#parts
    this.#title()
    this.#terminal.line(`${this.#terminal.prefix('evolve')}${begun.message}`)
    const study = this.#study
    if (this.#firstTrials > 0 && flags.warmStart === undefined)
      this.#terminal.line(
        `Goes on with ${this.#files.paths[0]}: its ${counted(this.#firstTrials, 'row')} are the first trials of the study`,
      )
    const { frozen } = search
    const left = study.target === undefined ? 0 : study.target - study.spent
    if (left > 1e-9)
      for (const line of planLines(
        planOf({
          trainings: left,
          epochs: flags.epochs,
          slots: slots.length + cores.otherProcesses,
          schedule: study.schedule,
          target: study.target,
          evolved: study.space.keys.filter((key) => !frozen.some((each) => each.key === key)),
          fixed: frozen,
        }),
        this.#terminal.width,
      ))
        this.#terminal.line(line)
  }

  async #executor(): Promise<Executor> {
    const { localExecutor, embeddedTrainers } = await import('../../run/index.ts')
    const { flags, training, terminal, cores, slots } = this.#parts
    const timeoutMs = flags.trialTimeout === undefined ? undefined : 1000 * flags.trialTimeout
    const hangMs = flags.hangTimeout === undefined ? undefined : 1000 * flags.hangTimeout
    const shared = cores.share(slots)
    if (!training.options) {
      const onWait = (text: string) => terminal.warn(text)
      return localExecutor(shared, await outsideTrainer(training, flags, this.#study.space, onWait))
    }
    const { options } = training
    const start = startLine({
      terminal,
      options,
      trainings: (this.#study.target ?? 1) - this.#study.spent,
      atOnce: slots.length + cores.otherProcesses,
      cores: shared[0]!.threads,
      yes: flags.yes,
      signal: this.#signal,
      cancel: () => this.#cancelled.abort(),
    })
    const onEvent = (trial: number, event: TrainEvent) => {
      this.#trainConsole?.onEvent(event)
      start(event)
      this.#results?.onEvent(trial, event)
    }
    const guards = hangMs === undefined ? {} : { silenceMs: hangMs }
    return localExecutor(shared, embeddedTrainers(options, { onEvent, timeoutMs, ...guards }))
  }

  /** Of a budget that the clock ends. */
  async #clock(): Promise<BudgetClock | undefined> {
    const { flags, slots, cores, resumed } = this.#parts
    const study = this.#study
    // What "Mon 08:00" meant was said when the study was begun; a time that it may take is not used up while nobody works.
    const budget = budgetOf(flags, resumed ? Date.parse(resumed.createdAt) : Date.now())
    if (budget === undefined || budget.kind === 'trainings' || budget.kind === 'epochs') return undefined
    const before = resumed ? (await study.workers()).slice(0, -1) : []
    const { Pace } = await import('../../run/index.ts')
    const pace = new Pace(study.schedule)
    pace.learn(study.history, await study.attempts())
    this.#pace = pace
    this.#budgetClock = new BudgetClock({
      study,
      budget,
      cap: typeof flags.evolve === 'number' ? flags.evolve : undefined,
      slots,
      atOnce: () => slots.length + cores.otherProcesses,
      pace,
      usedMs: workedMs(before),
    })
    return this.#budgetClock
  }

  /** Who would wait for days hears it after the first training, and what else can be had. */
  #tellLong(durationMs: number): void {
    const { target, spent, schedule } = this.#study
    if (this.#budgetClock || target === undefined || !schedule) return
    const { slots, cores } = this.#parts
    const atOnce = slots.length + cores.otherProcesses
    const hours = ((target - spent) * durationMs) / atOnce / 3_600_000
    if (hours < longHours) return
    const affordable = (budgetHintHours * atOnce * 3_600_000) / durationMs
    this.#terminal.line(
      `At this speed ${amountText(target)} trainings' worth take about ${durationText(3600 * hours)}; ${budgetHintHours} h give about ` +
        `${amountText(affordable)}. To have that, end it with Ctrl-C and repeat the command with --budget ${budgetHintHours}h: it goes on with this study.`,
    )
  }

  /** After a training: how many more there is time for. */
  #revise(trial: EndedTrial, durationMs: number): void {
    this.#pace?.add(trial, durationMs)
    if (this.#budgetClock === undefined) return
    this.#revised = this.#revised
      .then(() => this.#budgetClock?.revise())
      .then((text) => text !== undefined && this.#terminal.line(text))
      .catch((cause: unknown) => {
        this.#failure ??= { cause }
        this.#cancelled.abort()
      })
  }

  /** @returns false if it was interrupted */
  async #smoke(): Promise<boolean> {
    const { flags, training, terminal, cores, slots } = this.#parts
    const study = this.#study
    if (!training.installed || !flags.smoke || flags.epochs === 1 || !this.#created) return true
    const { smokeTest } = await import('./smoke.ts')
    const slot = cores.share(slots)[0]!
    const create = await outsideTrainer(training, { ...flags, epochs: 1 }, study.space)
    const trainer = create(slot)
    this.#interrupts.onHardExit(() => trainer.kill())
    const { fitness } = this.#parts.search
    const test = { trainer, hyp: study.space.start, seed: study.seed, folder: this.#folder, fitness }
    return smokeTest(test, terminal, this.#signal)
  }

  #onLoopEvent(event: LoopEvent): void {
    if (event.type === 'started') {
      this.#trainConsole?.begin()
      this.#title(event.trial.number)
    }
    if (event.type === 'complete' || event.type === 'rung' || event.type === 'repeat')
      this.#revise(event.trial, event.durationMs)
    if (event.type === 'complete' && event.trial.number === 0) this.#tellLong(event.durationMs)
    if (event.type === 'complete') this.#files.refreshPicture()
    if (event.type === 'rung' || event.type === 'repeat') this.#results?.forget(event.trial.number)
    this.#console.onEvent(event)
  }

  /** What `ps` shows; begins with what people look for. */
  #title(trial?: number): void {
    const { target } = this.#study
    const of = target === undefined ? '' : ` of ${target}`
    process.title = `hypevolve train ${basename(this.#folder)} --evolve${trial === undefined ? '' : `: trial ${trial}${of}`}`
  }

  async #end(summary: LoopSummary, executor: Executor): Promise<number> {
    this.#terminal.finish()
    await executor.close()
    if (this.#study.history.complete.length > 0) await this.#files.write()
    await this.#files.finish()
    const any = this.#study.history.complete.length > 0
    this.#console.end(summary, any ? this.#files.paths : [], any ? await this.#files.pictureLines() : [])
    if (summary.ended === 'target' || summary.ended === 'deadline') await this.#answer()
    if (any) this.#console.tellNext()
    if (summary.ended === 'target' && !any) return 1
    if (summary.ended !== 'interrupted') return 0
    return this.#interrupts.exitCode ?? 130
  }

  async #answer(): Promise<void> {
    const { parseKeep } = await import('../../run/index.ts')
    const { flags, training, terminal } = this.#parts
    const keep = parseKeep(flags.keep)
    const test = { folder: this.#folder, options: training.options, data: flags.data, keep, signal: this.#signal }
    for (const text of await answerLines(this.#study, test, terminal.width)) terminal.line(text)
  }

  /** What began with a mistake leaves no study and no folder behind. */
  async #removeIfEmpty(): Promise<void> {
    const study = this.#study
    if (!this.#created || this.#signal.aborted) return
    await study.refresh().catch(() => {})
    if (study.history.ended.length > this.#firstTrials) return
    await study.close()
    const removed = await study.storage.deleteStudy(study.id).then(
      () => true,
      () => false, // another process works on it
    )
    if (removed) await removeEmptyFolders(this.#folder)
  }
}

/** From so many hours on a search is long. */
const longHours = 48
/** What is offered instead: from Friday evening to Monday morning. */
const budgetHintHours = 60

/** The study's folder with its trials/, as far as nothing is in them. */
async function removeEmptyFolders(folder: string): Promise<void> {
  await rm(join(folder, 'trials'), { recursive: true, force: true }) // logs of trainings that no study knows any more
  await rmdir(folder).catch(() => {}) // kept if something else is in it
}
