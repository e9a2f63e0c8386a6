import { describe, expect, it } from 'vitest'
import type { ClassRow, TrainEvent } from '../../detect/index.ts'
import { Terminal } from './terminal.ts'
import { bytesText, clockText, durationText, padStart, progressText } from './text.ts'
import { TrainConsole } from './train-console.ts'

class Screen {
  text = ''
  readonly isTTY: boolean
  readonly columns = 200
  constructor(isTTY: boolean) {
    this.isTTY = isTTY
  }
  write(text: string): void {
    this.text += text
  }
}

const row = (name: string): ClassRow => ({
  name,
  images: 59,
  instances: 811,
  precision: 0.51234,
  recall: 0.4,
  f1: 0.45,
  mAP50: 0.459,
  mAP50to95: 0.2361,
})

const events: TrainEvent[] = [
  { type: 'stage', stage: 'labels train', done: 0, total: 2 },
  { type: 'stage', stage: 'labels train', done: 2, total: 2 },
  {
    type: 'start',
    startEpoch: 0,
    epochs: 2,
    batches: 2,
    names: ['a', 'b'],
    images: { train: 20, val: 10 },
    imagePx: { train: 160, val: 160 },
    modelTable: ['layer'],
    parameters: 1,
    gflops: 4,
    device: 'CPU',
    saveDir: 'runs/train/exp',
  },
  ...[0, 1].flatMap((epoch): TrainEvent[] => [
    ...[1, 2].map(
      (batch): TrainEvent => ({
        type: 'batch',
        epoch,
        batch,
        batches: 2,
        losses: [0.12010240554, 0.1, 0.0378],
        instances: 240,
        imagePx: 160,
        memoryBytes: 6.2e8,
      }),
    ),
    { type: 'val-batch', batch: 1, batches: 1 },
    { type: 'val', rows: [row('all'), row('a'), row('b')], final: false },
    {
      type: 'epoch',
      epoch,
      epochs: 2,
      trainLosses: [0.1, 0.1, 0.1],
      best: true,
      lr: [0.1, 0.01, 0.01],
      seconds: { train: 2, val: 1, waitForData: 0 },
    },
  ]),
  { type: 'val', rows: [row('all'), row('a'), row('细胞')], final: true },
]

describe('a training on the console', () => {
  it('is the table that YOLO users know, in plain lines off a terminal', () => {
    const screen = new Screen(false)
    const display = new TrainConsole(new Terminal(screen), { detail: 'full', now: () => 0 })
    for (const event of events) display.onEvent(event)
    expect(screen.text).toMatchInlineSnapshot(`
      "labels train: 100%|██████████| 2/2 [00:00<00:00, ?it/s]
      layer
      Image sizes 160 train, 160 val; 20 images to train on, 10 to validate, 2 classes
      Results go to runs/train/exp

            Epoch    GPU_mem   box_loss   obj_loss   cls_loss  Instances       Size
              0/1      0.62G     0.1201        0.1     0.0378        240        160: 100%|██████████| 2/2 [00:00<00:00, ?it/s]
                       Class     Images  Instances          P          R      mAP50   mAP50-95
                         all         59        811      0.512        0.4      0.459      0.236

            Epoch    GPU_mem   box_loss   obj_loss   cls_loss  Instances       Size
              1/1      0.62G     0.1201        0.1     0.0378        240        160: 100%|██████████| 2/2 [00:00<00:00, ?it/s]
                       Class     Images  Instances          P          R      mAP50   mAP50-95
                         all         59        811      0.512        0.4      0.459      0.236
                       Class     Images  Instances          P          R      mAP50   mAP50-95
                         all         59        811      0.512        0.4      0.459      0.236
                           a         59        811      0.512        0.4      0.459      0.236
                        细胞         59        811      0.512        0.4      0.459      0.236
      "
    `)
    expect(screen.text).not.toContain('\x1b')
    expect(screen.text).not.toContain('\r')
  })

  it('is one heading and one line per epoch when compact', () => {
    const screen = new Screen(false)
    const display = new TrainConsole(new Terminal(screen), { detail: 'compact', now: () => 0 })
    display.begin()
    for (const event of events) display.onEvent(event)
    expect(screen.text.match(/Epoch/g)).toHaveLength(1)
    expect(screen.text).not.toContain('layer')
  })

  it('redraws one line in place on a terminal', () => {
    const screen = new Screen(true)
    let time = 0
    const display = new TrainConsole(
      new Terminal(screen, {
        now: () => {
          time += 1000
          return time
        },
      }),
      { detail: 'full', now: () => 0 },
    )
    for (const event of events) display.onEvent(event)
    expect(screen.text).toContain('\r\x1b[K        0/1')
    expect(screen.text.match(/ 0\/1/g)).toHaveLength(2)
  })
})

describe('text', () => {
  it('tells durations in the units of daily life', () => {
    expect([0.4, 59, 61, 600, 3600, 7500, 86400 * 3 + 3600 * 4].map(durationText)).toEqual([
      '0 s',
      '59 s',
      '1 min 1 s',
      '10 min',
      '1 h',
      '2 h 5 min',
      '3 days 4 h',
    ])
    expect([5, 125, 3725].map(clockText)).toEqual(['00:05', '02:05', '1:02:05'])
    expect([512, 5.2e7, 1.44e9, 2.5e10].map(bytesText)).toEqual(['1 kB', '52 MB', '1.4 GB', '25 GB'])
  })

  it('draws progress with rate and time left', () => {
    expect(progressText(7, 14, 3)).toBe(' 50%|█████     | 7/14 [00:03<00:03, 2.3it/s]')
    expect(progressText(0, 14, 3)).toBe('  0%|          | 0/14 [00:03<?, ?it/s]')
    expect(progressText(1, 4, 8)).toBe(' 25%|██▌       | 1/4 [00:08<00:24, 8.0s/it]')
  })

  it('aligns wide characters by the columns they take', () => {
    expect(padStart('细胞', 6)).toBe('  细胞')
    expect(padStart('cell', 6)).toBe('  cell')
  })
})
