// Draws the pictures of a training from its events, beside the training: a picture that fails costs a warning only.
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BatchImages, TrainEvent, ValCurves } from '../detect/index.ts'

/** Collects events and writes the pictures into the run's folder. */
export class Pictures {
  readonly #folder: string
  readonly #warn: (text: string) => void
  #names: readonly string[] = []
  #work: Promise<void> = Promise.resolve()
  #warned = false
  #hinted = false

  /** @param warn - told once if pictures cannot be drawn, and once if class names lack a font */
  constructor(folder: string, warn: (text: string) => void) {
    this.#folder = folder
    this.#warn = warn
  }

  /** Takes note of an event; drawing goes on in the background, one picture at a time. */
  onEvent(event: TrainEvent): void {
    if (event.type === 'start') this.name(event.names)
    else if (event.type === 'labels') {
      const table = { labels: event.boxes, names: event.names }
      this.#draw('labels.jpg', async (report) => report.labelsFigure(table))
      this.#draw('labels_correlogram.jpg', async (report) => report.labelsCorrelogram(table))
    } else if (event.type === 'batch-images') this.#onBatch(event.batch)
    else if (event.type === 'curves') this.#onCurves(event.curves)
  }

  /** Draws results.png from results.csv and waits until all pictures are written. */
  async finish(): Promise<void> {
    this.#draw('results.png', async (report) => {
      const text = await readFile(join(this.#folder, 'results.csv'), 'utf8').catch(() => '')
      const [head = '', ...lines] = text.split('\n').filter((line) => line.trim() !== '')
      if (lines.length === 0) return undefined
      return report.resultsFigure({
        columns: head.split(',').map((title) => title.trim()),
        rows: lines.map((line) => line.split(',').map(Number)),
      })
    })
    await this.#work
  }

  /** Tells the class names, which the `start` event of a training does by itself. */
  name(names: readonly string[]): void {
    this.#names = names
    if (this.#hinted) return
    this.#hinted = true
    this.#queue(async () => {
      const { fontHint } = await import('../report/index.ts')
      const hint = await fontHint(names)
      if (hint) this.#warn(hint)
    })
  }

  #onBatch(batch: BatchImages): void {
    const { kind, index, images, height, width } = batch
    const file = {
      train: `train_batch${index}.jpg`,
      'val-labels': `val_batch${index}_labels.jpg`,
      'val-predictions': `val_batch${index}_pred.jpg`,
    }[kind]
    this.#draw(file, async (report) =>
      report.batchFigure({
        images,
        layout: { kind: 'plain' },
        batch: batch.batch,
        height,
        width,
        boxes: batch.boxes,
        columns: 7,
        units: 'pixels',
        names: this.#names,
        paths: batch.files,
        showConfidence: batch.kind === 'val-predictions',
      }),
    )
  }

  #onCurves(curves: ValCurves): void {
    const classes = curves.names.map((_, index) => index)
    const shared = { x: curves.x, classes, names: curves.names }
    this.#draw('PR_curve.png', async (report) =>
      report.precisionRecallFigure({ ...shared, rows: curves.precisionOverRecall, ap50: curves.ap50 }),
    )
    this.#draw('F1_curve.png', async (report) => report.f1Figure({ ...shared, rows: curves.f1 }))
    this.#draw('P_curve.png', async (report) => report.precisionFigure({ ...shared, rows: curves.precision }))
    this.#draw('R_curve.png', async (report) => report.recallFigure({ ...shared, rows: curves.recall }))
    this.#draw('confusion_matrix.png', async (report) =>
      report.confusionFigure({ matrix: curves.confusion, names: this.#names }),
    )
  }

  #draw(file: string, figure: (report: typeof import('../report/index.ts')) => Promise<Uint8Array | undefined>): void {
    this.#queue(async () => {
      const bytes = await figure(await import('../report/index.ts'))
      if (!bytes) return
      const path = join(this.#folder, file)
      await writeFile(path, bytes).catch(async (error: unknown) => {
        await rm(path, { force: true }) // half a picture is none
        throw error
      })
    })
  }

  #queue(work: () => Promise<void>): void {
    this.#work = this.#work.then(work).catch((error: unknown) => {
      if (this.#warned) return
      this.#warned = true
      const reason = error instanceof Error ? error.message : String(error)
      this.#warn(`A picture could not be drawn: ${reason}. The training is not affected.`)
    })
  }
}
