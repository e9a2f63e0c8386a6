// Draws a training as YOLOv5 users know it: heading and one line per epoch, the class table after a validation.
import type { ClassRow, EpochResults, TrainEvent } from '../../detect/index.ts'
import type { Terminal } from './terminal.ts'
import { column, columns, counted, padStart, progressText } from './text.ts'

type EventOf<Type extends TrainEvent['type']> = Extract<TrainEvent, { type: Type }>

/** How much of a training is shown. */
export interface TrainConsoleOptions {
  /** `full`: model table, a heading per epoch. `compact`: for one training of many, a heading per training only. */
  readonly detail: 'full' | 'compact'
  readonly now?: () => number
}

const trainHeading = ['Epoch', 'GPU_mem', 'box_loss', 'obj_loss', 'cls_loss', 'Instances', 'Size']
const valHeading = ['Images', 'Instances', 'P', 'R', 'mAP50', 'mAP50-95']

/** Takes the events of one training after another; {@link begin} starts the next. */
export class TrainConsole {
  readonly #terminal: Terminal
  readonly #detail: 'full' | 'compact'
  readonly #now: () => number
  #stage: { name: string; began: number } | undefined
  #epoch: { number: number; began: number } | undefined
  #valBegan: number | undefined
  #headed = false
  #epochs = 0
  #trainings = 0
  readonly #warnings = new Set<string>()
  #names: readonly string[] = []

  constructor(terminal: Terminal, { detail, now = () => performance.now() / 1000 }: TrainConsoleOptions) {
    this.#terminal = terminal
    this.#detail = detail
    this.#now = now
  }

  /** Forgets the last training. */
  begin(): void {
    this.#trainings++
    this.#stage = undefined
    this.#epoch = undefined
    this.#valBegan = undefined
    this.#headed = false
  }

  onEvent(event: TrainEvent): void {
    switch (event.type) {
      case 'message':
        this.#onMessage(event)
        break
      case 'stage':
        this.#onStage(event)
        break
      case 'start':
        this.#onStart(event)
        break
      case 'batch':
        this.#onBatch(event)
        break
      case 'val-batch':
        this.#onValBatch(event)
        break
      case 'val':
        this.#onVal(event)
        break
      case 'epoch':
        this.#onEpoch(event)
        break
    }
  }

  /** Of many trainings, the first one's messages and new warnings are worth reading. */
  #onMessage({ level, text }: EventOf<'message'>): void {
    if (this.#detail === 'compact') {
      if (this.#trainings > 1 && (level === 'info' || this.#warnings.has(text))) return
      this.#warnings.add(text)
    }
    if (level === 'warning') this.#terminal.warn(text)
    else this.#terminal.line(text)
  }

  #onStage({ stage, done, total, perSecond }: EventOf<'stage'>): void {
    if (this.#stage?.name !== stage) {
      this.#terminal.finish()
      this.#stage = { name: stage, began: this.#now() }
    }
    const seconds = this.#now() - this.#stage.began
    const speed = perSecond === undefined ? '' : `, ${Math.round(perSecond)} images/s`
    this.#terminal.live(`${stage}: ${progressText(done, total, seconds)}${speed}`)
    if (done >= total) {
      this.#terminal.finish()
      this.#stage = undefined
    }
  }

  #onStart(event: EventOf<'start'>): void {
    this.#terminal.finish()
    this.#epochs = event.epochs
    this.#names = event.names
    if (this.#detail === 'compact') return
    for (const line of event.modelTable) this.#terminal.line(line)
    this.#terminal.line(
      `Image sizes ${event.imagePx.train} train, ${event.imagePx.val} val; ` +
        `${counted(event.images.train, 'image')} to train on, ${event.images.val} to validate, ` +
        `${counted(event.names.length, 'class', 'classes')}`,
    )
    if (event.saveDir) this.#terminal.line(`Results go to ${this.#terminal.bold(event.saveDir)}`)
  }

  #onBatch(event: EventOf<'batch'>): void {
    if (this.#epoch?.number !== event.epoch) {
      this.#terminal.finish()
      this.#epoch = { number: event.epoch, began: this.#now() }
      this.#valBegan = undefined
      if (this.#detail === 'full' || !this.#headed) {
        if (this.#detail === 'full') this.#terminal.line()
        this.#terminal.line(columns(11, trainHeading))
        this.#headed = true
      }
    }
    const seconds = this.#now() - this.#epoch.began
    const row =
      columns(11, [`${event.epoch}/${this.#epochs - 1}`, memoryText(event.memoryBytes)]) +
      event.losses.map((loss) => column(loss)).join('') +
      column(event.instances) +
      column(event.imagePx)
    this.#terminal.live(`${row}: ${progressText(event.batch, event.batches, seconds)}`)
  }

  #onValBatch({ batch, batches }: EventOf<'val-batch'>): void {
    if (this.#valBegan === undefined) {
      this.#terminal.finish()
      this.#valBegan = this.#now()
    }
    const seconds = this.#now() - this.#valBegan
    if (this.#terminal.interactive) this.#terminal.live(`${valTitle()}: ${progressText(batch, batches, seconds)}`)
  }

  #onVal({ rows, final }: EventOf<'val'>): void {
    this.#terminal.discard()
    const shown = final && rows.length > 2 ? rows : rows.slice(0, 1)
    if (this.#detail === 'compact') {
      this.#terminal.line(valTitle())
      if (shown[0]) this.#terminal.line(classRow(shown[0]))
      return
    }
    for (const line of classTable(shown)) this.#terminal.line(line)
  }

  #onEpoch(_event: EventOf<'epoch'>): void {
    this.#terminal.finish()
    this.#valBegan = undefined
  }

  /** The names of the classes of the training that started last. */
  get names(): readonly string[] {
    return this.#names
  }
}

const valTitle = () => 'Class'.padStart(22) + columns(11, valHeading)
const memoryText = (bytes: number) => `${(bytes / 1e9).toFixed(3).slice(0, 4).replace(/\.$/, '')}G`

function classRow(row: ClassRow): string {
  return (
    padStart(row.name, 22) +
    columns(11, [String(row.images), String(row.instances)]) +
    [row.precision, row.recall, row.mAP50, row.mAP50to95].map((value) => column(value, 11, 3)).join('')
  )
}

/** The class table of a validation: heading and one line per row. */
export const classTable = (rows: readonly ClassRow[]): string[] => [valTitle(), ...rows.map(classRow)]

/** 'mAP50 0.459, mAP50-95 0.236, precision 0.51, recall 0.48'. */
export function resultsText(results: EpochResults): string {
  const show = (value: number) => (Number.isNaN(value) ? 'none' : value.toFixed(3))
  return (
    `mAP50 ${show(results.mAP50)}, mAP50-95 ${show(results.mAP50to95)}, ` +
    `precision ${show(results.precision)}, recall ${show(results.recall)}`
  )
}
