// The results.csv of an evolution. In v7.0 the epochs of all trainings follow one another in it; here too where several
// trainings run at once: those of a trial are written together when it is complete.
import { join } from 'node:path'
import { ResultsFile, type TrainEvent } from '../../detect/index.ts'
import type { Study } from '../../study/index.ts'

type Epoch = Extract<TrainEvent, { type: 'epoch' }>

export class EvolveResults {
  readonly #study: Study
  readonly #path: string
  readonly #epochs = new Map<number, Epoch[]>()

  constructor(study: Study, folder: string) {
    this.#study = study
    this.#path = join(folder, 'results.csv')
  }

  onEvent(trial: number, event: TrainEvent): void {
    if (event.type === 'start')
      this.#epochs.set(trial, []) // another attempt
    else if (event.type === 'epoch') this.#epochs.get(trial)?.push(event)
  }

  /** Of a training that has no row in the study's table: a short one, or one that confirms. */
  forget(trial: number): void {
    this.#epochs.delete(trial)
  }

  /** @throws {@link ResultsWriteError} if it cannot be written */
  async write(trial: number): Promise<void> {
    const epochs = this.#epochs.get(trial)
    this.#epochs.delete(trial)
    if (epochs === undefined || epochs.length === 0) return
    await this.#study.exclusive(async () => {
      const file = new ResultsFile(this.#path)
      for (const epoch of epochs) file.append(epoch)
    })
  }
}
