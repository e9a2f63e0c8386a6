// An evolution on the console: what each trial brought, the best so far, and how long the rest will take. One training
// at a time is shown at length, as v7.0 does; several at once get a line each.
import type { LoopEvent, LoopSummary } from '../../run/index.ts'
import type { CompleteTrial, Metrics, PrunedTrial, RunningTrial, Schedule, Trial } from '../../search/index.ts'
import type { Study } from '../../study/index.ts'
import { amountText, doneText } from '../studies/progress.ts'
import type { Terminal } from './terminal.ts'
import { counted, durationText, momentText, numberText } from './text.ts'

export interface EvolveConsoleOptions {
  readonly study: Study
  /** Trainings at once in this process. */
  readonly slots: number
  /** Epochs of a training, for trainers that do not say it. */
  readonly epochs: number
  /** Of the training that the winner is for, if that was said. */
  readonly finalEpochs?: number | undefined
  /** One training at a time is shown at length: a heading before it, and what the release says after it. */
  readonly releaseText?: (trial: CompleteTrial) => string
}

export class EvolveConsole {
  readonly #terminal: Terminal
  readonly #options: EvolveConsoleOptions
  readonly #running = new Map<number, { epoch: number; epochs: number }>()
  /** Full trainings' worth of what came to its end here. */
  #worth = 0
  #failed = 0
  #totalMs = 0

  constructor(terminal: Terminal, options: EvolveConsoleOptions) {
    this.#terminal = terminal
    this.#options = options
  }

  onEvent(event: LoopEvent): void {
    switch (event.type) {
      case 'started':
        this.#started(event.trial)
        break
      case 'epoch':
        this.#running.set(event.trial.number, {
          epoch: event.report.epoch,
          epochs: event.report.epochs ?? this.#options.epochs,
        })
        this.#showRunning()
        break
      case 'complete':
        this.#count(event.trial, event.durationMs)
        this.#complete(event.trial, event.durationMs)
        break
      case 'rung':
        this.#count(event.trial, event.durationMs)
        this.#rung(event.trial, event.durationMs)
        break
      case 'repeat':
        this.#count(event.trial, event.durationMs)
        this.#repeat(event.trial, event.durationMs)
        break
      case 'pruned':
        this.#count(event.trial, event.durationMs)
        this.#terminal.line(`Trial ${event.trial.number} was stopped after ${counted(event.trial.epochs, 'epoch')}.`)
        break
      case 'failed':
        this.#count(event.trial, event.durationMs)
        this.#failed++
        this.#terminal.warn(
          `Trial ${event.trial.number} failed (${event.trial.failure}) and is left out: ${event.trial.output.join('\n')}`,
        )
        this.#terminal.line(`${this.#doneText()}, ${this.#outlook()}`)
        break
      case 'retry':
        this.#running.delete(event.trial.number)
        this.#terminal.warn(
          `Trial ${event.trial.number} failed (${event.failure}) and is tried once more: ${event.output.join('\n')}`,
        )
        break
      case 'released':
        this.#running.delete(event.trial.number)
        break
      case 'lost':
        this.#running.delete(event.trial.number)
        this.#terminal.warn(
          `Trial ${event.trial.number} was given to another process meanwhile; what was trained here does not count.`,
        )
        break
      case 'waiting':
        this.#terminal.line(
          `All trials are given out. Waiting for ${counted(event.running, 'trial')} of other processes, in case one has to be repeated.`,
        )
        break
      case 'warning':
        this.#terminal.warn(event.text)
        break
    }
  }

  get #brief(): boolean {
    return this.#options.releaseText === undefined
  }

  #started(trial: RunningTrial): void {
    const { number, attempt, fidelity = this.#options.epochs } = trial
    this.#running.set(number, { epoch: 0, epochs: fidelity })
    if (this.#brief) {
      this.#showRunning()
      return
    }
    const { target, schedule } = this.#options.study
    const again = attempt > 1 ? `, attempt ${attempt}` : ''
    this.#terminal.line()
    this.#terminal.line(
      this.#terminal.bold(
        schedule
          ? `Trial ${number}, ${lengthText(trial, schedule)}${again}; ${this.#doneText()}`
          : `Generation ${number + 1}${target === undefined ? '' : ` of ${target}`}${again}`,
      ),
    )
  }

  /** 'Trial 17: 3/10, 18: 2/10; 15 of 300 done', redrawn in place. */
  #showRunning(): void {
    if (!this.#brief || !this.#terminal.interactive) return
    const trials = [...this.#running].map(([number, { epoch, epochs }]) => `${number}: ${epoch}/${epochs}`)
    this.#terminal.live(`Trials in training, epoch: ${trials.join('  ')};  ${this.#doneText()}`)
  }

  #complete(trial: CompleteTrial, durationMs: number): void {
    const { study, releaseText } = this.#options
    if (this.#brief && this.#terminal.interactive) this.#terminal.discard()
    if (releaseText)
      for (const line of releaseText(trial).trimEnd().split('\n')) if (line !== '') this.#terminal.line(line)
    const best = study.history.fittest(1)[0] ?? trial
    const isBest = best.number === trial.number
    const text =
      `trial ${trial.number} complete: fitness ${numberText(trial.fitness)}${metricsSuffix(trial.metrics)}, ` +
      `${shortTime(durationMs / 1000)}${trial.attempt > 1 ? ` (attempt ${trial.attempt})` : ''}`
    const bestText = isBest ? 'the best so far' : `best ${numberText(best.fitness)} (trial ${best.number})`
    this.#terminal.line(
      `${isBest ? this.#terminal.bold(text) : text}; ${bestText}; ${this.#doneText()}, ${this.#outlook()}`,
    )
    this.#showRunning()
  }

  /** A short training: what it brought there, and how that compares with the start's at the same length, or the best's. */
  #rung(trial: PrunedTrial, durationMs: number): void {
    if (this.#brief && this.#terminal.interactive) this.#terminal.discard()
    const { history } = this.#options.study
    const others = history.searched.flatMap((other) =>
      other.state === 'pruned' && other.epochs === trial.epochs && other.fitness !== undefined ? [other.fitness] : [],
    )
    const place = 1 + others.filter((fitness) => fitness > (trial.fitness ?? Number.NEGATIVE_INFINITY)).length
    const fitness = trial.fitness === undefined ? 'no fitness' : `fitness ${numberText(trial.fitness)}`
    this.#terminal.line(
      `trial ${trial.number} after ${counted(trial.epochs, 'epoch')}: ${fitness}, ${shortTime(durationMs / 1000)}; ` +
        `place ${place} of ${others.length} at this length; ${this.#doneText()}, ${this.#outlook()}`,
    )
    this.#showRunning()
  }

  #repeat(trial: CompleteTrial, durationMs: number): void {
    if (this.#brief && this.#terminal.interactive) this.#terminal.discard()
    const first = this.#options.study.history.get(trial.repeats!)
    const before = first?.state === 'complete' ? `, before ${numberText(first.fitness)}` : ''
    this.#terminal.line(
      `trial ${trial.number} complete: ${whoText(trial.repeats!)} once more: fitness ${numberText(trial.fitness)}${before}, ` +
        `${shortTime(durationMs / 1000)}; ${this.#doneText()}, ${this.#outlook()}`,
    )
    this.#showRunning()
  }

  #count(trial: Trial, durationMs: number): void {
    this.#running.delete(trial.number)
    const { schedule } = this.#options.study
    this.#worth += schedule ? (trial.fidelity ?? schedule.epochs) / schedule.epochs : 1
    this.#totalMs += durationMs
  }

  #doneText(): string {
    const { study } = this.#options
    return `${doneText(study)}${study.schedule ? " trainings' worth" : ''} done`
  }

  /** '12 s per generation, about 3 min left for 15 more'. */
  #outlook(): string {
    const { study, slots } = this.#options
    const each = this.#totalMs / this.#worth / 1000
    const text = `${shortTime(each)} per ${study.schedule ? 'full training' : 'generation'}`
    const left = study.remaining
    if (left === undefined) return text
    if (left <= 1e-9) return `${text}, all done`
    // In training now, in all processes; this one's slots have the next trial in a moment.
    const inTraining = Math.max(slots, study.history.open.filter(({ state }) => state === 'running').length)
    const atOnce = Math.min(Math.ceil(left), inTraining)
    const seconds = study.schedule ? (left / atOnce) * each : Math.ceil(left / atOnce) * each
    const end = seconds > 3600 ? `, until ${momentText(Date.now() + 1000 * seconds)}` : ''
    return `${text}, about ${durationText(seconds)} left for ${amountText(left)} more${end}`
  }

  /**
   * The last words of an evolution.
   *
   * @param files - what was written, as seen from the current folder
   * @param pictureLines - what the release says when it has drawn the picture
   */
  end(summary: LoopSummary, files: readonly string[], pictureLines: readonly string[]): void {
    const { study } = this.#options
    const { ended, complete, failed, pruned, rungs, repeats } = summary
    const done = complete + failed + pruned + rungs + repeats
    const what = study.schedule ? 'training' : 'generation'
    this.#terminal.line()
    for (const line of pictureLines) this.#terminal.line(line)
    this.#terminal.line()
    if (ended === 'target' || ended === 'deadline') {
      const short = rungs > 0 ? `, ${rungs} of them short` : ''
      const why = ended === 'deadline' ? 'Its time is over' : 'Evolution finished'
      this.#terminal.line(
        `${why}, ${counted(done, what)}${short}${this.#failed > 0 ? `, ${this.#failed} failed` : ''}; ` +
          `${study.history.complete.length} complete in all.`,
      )
    } else {
      const why = ended === 'stopped' ? 'Stopped by hypevolve stop' : 'Interrupted'
      const when = done === 0 ? `before a ${what} was finished` : `after ${counted(done, what)}`
      this.#terminal.line(`${why} ${when}. Go on with: hypevolve resume ${study.name}`)
    }
    if (files.length === 0) return
    this.#terminal.line(`Results saved to ${files.map((file) => this.#terminal.bold(file)).join(', ')}`)
  }

  /** What to do with what it found; the very last. */
  tellNext(): void {
    const { study } = this.#options
    this.#terminal.line(
      `Train with the best: hypevolve best ${study.name} --train --final-epochs ${this.#options.finalEpochs ?? 300}`,
    )
  }
}

/** 'full length', '12 of 36 epochs', 'the start once more'. */
function lengthText({ fidelity, continues, repeats }: RunningTrial, { epochs }: Schedule): string {
  if (repeats !== undefined) return `${whoText(repeats)} once more`
  const goesOn = continues === undefined ? '' : `, as trial ${continues} was good when it was shorter`
  if (fidelity === undefined || fidelity >= epochs) return `all ${epochs} epochs${goesOn}`
  return `${fidelity} of ${epochs} epochs${goesOn}`
}

const whoText = (number: number) => (number === 0 ? 'the start' : `trial ${number}`)

function metricsSuffix({ mAP50, mAP50to95 }: Metrics): string {
  const parts = [
    ...(mAP50 === undefined ? [] : [`mAP50 ${numberText(mAP50)}`]),
    ...(mAP50to95 === undefined ? [] : [`mAP50-95 ${numberText(mAP50to95)}`]),
  ]
  return parts.length === 0 ? '' : `, ${parts.join(', ')}`
}

/** With a decimal where whole seconds say little. */
const shortTime = (seconds: number) => (seconds < 9.95 ? `${seconds.toFixed(1)} s` : durationText(seconds))
