// What a confirmation says to people: a table of the candidates, the answer in a sentence, and what it means.
import type { Confirmation, ConfirmedCandidate, StopReason } from '../../search/index.ts'
import { type TableColumn, tableLines } from '../console/table.ts'
import { counted, numberText, probabilityText } from '../console/text.ts'

export interface ConfirmationTextOptions {
  /** A fitness in the words of the study's objective; default: as it is. */
  readonly toValue?: (fitness: number) => number
  /** Columns of the terminal. */
  readonly width?: number
  /** How many results of full length the search had. */
  readonly results?: number
}

/**
 * Lines for the end of an evolution. Without any repeats there is no table, but a sentence that says so.
 *
 * @returns none if there is no result at all
 */
export function confirmationLines(confirmation: Confirmation, options: ConfirmationTextOptions = {}): string[] {
  const { candidates, winner, deterministic } = confirmation
  if (winner === undefined) return []
  const say = new Words(confirmation, options)
  if (deterministic) return [say.deterministic(winner)]
  if (candidates.every(({ repeats, failed }) => repeats.length + failed === 0)) return [say.unconfirmed(winner)]
  return [...say.table(options.width), say.answer(winner), ...say.meaning(winner)]
}

/**
 * Why a search ended before its budget was spent, in a sentence; `undefined` if it did not.
 *
 * @param target - trainings' worth that it might have cost; left out: no end was set
 */
export function stopText({ reason, spent, sinceBetter, best }: StopReason, target?: number): string | undefined {
  if (reason === 'budget') return undefined
  const worth = (trainings: number) => counted(Math.round(trainings), "training's worth", "trainings' worth")
  const of = target === undefined ? '' : ` of ${Math.round(target)}`
  const why =
    reason === 'default-wins'
      ? 'nothing was better than the start'
      : `nothing got better than trial ${best} in the last ${worth(sinceBetter)}`
  return `The search ended early, after ${worth(spent)}${of}: ${why}, beyond what chance explains.`
}

/** Below this the winner is named, but it is said that it is not sure. */
const sure = 0.9

class Words {
  readonly #confirmation: Confirmation
  readonly #text: (fitness: number) => string
  readonly #results: number | undefined

  constructor(confirmation: Confirmation, options: ConfirmationTextOptions) {
    this.#confirmation = confirmation
    this.#text = (fitness) => numberText(options.toValue?.(fitness) ?? fitness)
    this.#results = options.results
  }

  table(width?: number): string[] {
    const number = (value: number | undefined) => (value === undefined ? '' : this.#text(value))
    const columns: TableColumn<ConfirmedCandidate>[] = [
      { title: 'Trial', text: ({ number: trial, isStart }) => (isStart ? `${trial} (start)` : String(trial)) },
      { title: 'in the search', text: ({ first }) => number(first) },
      { title: 'less luck', text: ({ shrunken }) => number(shrunken) },
      { title: 'again', text: ({ repeats, failed }) => `${repeats.length}${failed > 0 ? `, ${failed} failed` : ''}` },
      { title: 'mean', text: ({ mean }) => number(mean) },
      { title: '± (one training)', text: ({ sd }) => (sd === undefined ? '' : numberText(sd)) },
      { title: 'better than the start', text: ({ better }) => (better === undefined ? '' : probabilityText(better)) },
      { title: 'the best', text: ({ best }) => probabilityText(best) },
    ]
    return tableLines(columns, this.#confirmation.candidates, width)
  }

  answer(winner: ConfirmedCandidate): string {
    const start = this.#confirmation.candidates.find(({ isStart }) => isStart)
    if (winner.isStart) return `The answer is the start: ${this.#whyNoOther()}`
    const compared =
      winner.better === undefined || start === undefined
        ? 'the start has no result to compare with'
        : `better than the start (${this.#meanText(start)}) with a probability of ${probabilityText(winner.better)}`
    return `The answer is trial ${winner.number}: ${this.#meanText(winner)}, ${compared}.${this.#doubt(winner)}`
  }

  #whyNoOther(): string {
    const others = this.#confirmation.candidates.filter(({ isStart }) => !isStart)
    const [best] = [...others].sort((a, b) => b.best - a.best)
    if (best === undefined) return 'no other hyperparameters have a result.'
    if (best.isUnreliable) return `trial ${best.number} failed when it was trained again.`
    if (!best.isFeasible) return 'no other hyperparameters keep to the constraints.'
    const { better = 0 } = best
    return `nothing is more likely better than not (trial ${best.number}: ${probabilityText(better)}).`
  }

  #meanText({ mean, repeats, isStart }: ConfirmedCandidate): string {
    const count = repeats.length + Number(isStart)
    return mean === undefined ? 'not trained again' : `${this.#text(mean)} as the mean of ${counted(count, 'training')}`
  }

  #doubt({ better = 1 }: ConfirmedCandidate): string {
    return better >= sure ? '' : ' That is not sure; further trainings (--evolve with --resume) would tell.'
  }

  meaning(winner: ConfirmedCandidate): string[] {
    const { sigma, degreesOfFreedom, seedsControlled } = this.#confirmation
    const lines: string[] = []
    const [low, high] = winner.interval.map(this.#text).sort((a, b) => Number(a) - Number(b))
    lines.push(
      `With another seed expect ${this.#text(winner.expected)}; its true mean lies in ${low} to ${high} with a probability of 95 %.` +
        this.#luck(winner),
    )
    if (sigma !== undefined)
      lines.push(
        `Noise: two trainings alike differ by about ${numberText(sigma * Math.SQRT2)} (standard deviation of one training ${numberText(sigma)}, from ${counted(degreesOfFreedom, 'degree')} of freedom).`,
      )
    if (!seedsControlled)
      lines.push('This trainer takes no seed: repeats differ by whatever it draws from, and cannot be made again.')
    return lines
  }

  /** What the search saw, where it was the luck of the best of many. */
  #luck({ isStart, first, expected }: ConfirmedCandidate): string {
    const { sigma } = this.#confirmation
    if (isStart || sigma === undefined || first - expected < sigma / 2) return ''
    return ` The ${this.#text(first)} that the search saw was partly luck.`
  }

  unconfirmed({ number, isStart, first, shrunken, expected }: ConfirmedCandidate): string {
    if (isStart)
      return `Not confirmed: the start (${this.#text(first)}) was not beaten by more than luck explains; nothing was trained again.`
    const of = this.#results === undefined ? 'many results' : `${this.#results} results`
    return `Not confirmed: trial ${number} had ${this.#text(first)}, but the best of ${of} is likely too good: expect about ${this.#text(shrunken ?? expected)}. Nothing was trained again.`
  }

  deterministic({ number, isStart, first }: ConfirmedCandidate): string {
    const who = isStart ? 'the start' : `trial ${number}`
    return `The answer is ${who} with ${this.#text(first)}. Trained again it gave exactly the same: there is no noise, so what was kept to confirm the answer went to the search.`
  }
}
