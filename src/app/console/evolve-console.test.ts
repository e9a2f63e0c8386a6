import { beforeEach, describe, expect, it } from 'vitest'
import type { LoopEvent } from '../../run/index.ts'
import type { CompleteTrial, RunningTrial } from '../../search/index.ts'
import { defineSpace, float } from '../../search/index.ts'
import { createStudy, type Study } from '../../study/index.ts'
import { EvolveConsole } from './evolve-console.ts'
import { planLines, wrapped } from './plan-text.ts'
import { tableLines } from './table.ts'
import { Terminal } from './terminal.ts'

class Screen {
  text = ''
  readonly columns = 200
  constructor(readonly isTTY: boolean) {}
  write(text: string): void {
    this.text += text
  }
  get lines(): string[] {
    return this.text.trimEnd().split('\n')
  }
}

const slot = { slot: 0, device: 'cpu', threads: 1 }
let study: Study

beforeEach(async () => {
  const space = defineSpace({ lr0: float(0.001, 0.1, { default: 0.01 }) })
  study = (await createStudy({ space, fitness: 'mAP50', name: 'runs/evolve/exp' })) as unknown as Study
  await study.extend(4)
})

function shown(options: { slots: number; isTTY?: boolean; long?: boolean }) {
  const screen = new Screen(options.isTTY ?? false)
  const view = new EvolveConsole(new Terminal(screen), {
    study,
    slots: options.slots,
    epochs: 3,
    ...(options.long && { releaseText: ({ number }: CompleteTrial) => `evolve: row ${number}\nevolve: done\n` }),
  })
  const complete = async (mAP50: number, durationMs: number) => {
    const trial = (await study.ask())!
    view.onEvent({ type: 'started', trial, slot })
    const told = (await study.tell(trial, { mAP50 })) as CompleteTrial
    view.onEvent({ type: 'complete', trial: told, durationMs })
  }
  return { screen, view, complete }
}

describe('one training at a time', () => {
  it('is shown at length', async () => {
    const { screen, complete } = shown({ slots: 1, long: true })
    await complete(0.25, 61_000)
    await complete(0.5, 4200)
    expect(screen.lines).toEqual([
      '',
      'Generation 1 of 4',
      'evolve: row 0',
      'evolve: done',
      'trial 0 complete: fitness 0.2500, mAP50 0.2500, 1 min 1 s; the best so far; 1 of 4 done, 1 min 1 s per generation, about 3 min 3 s left for 3 more',
      '',
      'Generation 2 of 4',
      'evolve: row 1',
      'evolve: done',
      'trial 1 complete: fitness 0.5000, mAP50 0.5000, 4.2 s; the best so far; 2 of 4 done, 33 s per generation, about 1 min 5 s left for 2 more',
    ])
  })
})

describe('several trainings at once', () => {
  it('get a line each, and share the time that is left', async () => {
    const { screen, complete } = shown({ slots: 2 })
    await complete(0.5, 60_000)
    await complete(0.25, 60_000)
    expect(screen.lines).toEqual([
      'trial 0 complete: fitness 0.5000, mAP50 0.5000, 1 min; the best so far; 1 of 4 done, 1 min per generation, about 2 min left for 3 more',
      'trial 1 complete: fitness 0.2500, mAP50 0.2500, 1 min; best 0.5000 (trial 0); 2 of 4 done, 1 min per generation, about 1 min left for 2 more',
    ])
  })

  it('are redrawn in one line on a terminal, with whole lines above it', async () => {
    const { screen, view } = shown({ slots: 2, isTTY: true })
    const [one, two] = [(await study.ask())!, (await study.ask())!]
    view.onEvent({ type: 'started', trial: one, slot })
    view.onEvent({ type: 'started', trial: two, slot })
    view.onEvent({ type: 'epoch', trial: two, report: { epoch: 2, metrics: {} } })
    const told = (await study.tell(one, { mAP50: 0.5 })) as CompleteTrial
    view.onEvent({ type: 'complete', trial: told, durationMs: 1000 })
    expect(screen.text).toContain('Trials in training, epoch: 0: 0/3')
    expect(screen.text).toMatch(/trial 0 complete: .*\n/)
  })
})

describe('what goes wrong', () => {
  it('is told with its class and how it goes on', async () => {
    const { screen, view } = shown({ slots: 1 })
    const trial = (await study.ask())!
    const tell = (event: LoopEvent) => view.onEvent(event)
    const waiting = { ...trial, state: 'waiting' as const }
    tell({ type: 'retry', trial: waiting, failure: 'crash', output: ['Segmentation fault'], durationMs: 900 })
    tell({ type: 'lost', trial })
    tell({ type: 'waiting', running: 2 })
    const failed = await study.fail(trial, { failure: 'out-of-memory', output: ['killed'] })
    if (failed.state !== 'failed') throw new Error('it must have failed')
    tell({ type: 'failed', trial: failed, durationMs: 1000 })
    expect(screen.lines).toEqual([
      'WARNING Trial 0 failed (crash) and is tried once more: Segmentation fault',
      'WARNING Trial 0 was given to another process meanwhile; what was trained here does not count.',
      'All trials are given out. Waiting for 2 trials of other processes, in case one has to be repeated.',
      'WARNING Trial 0 failed (out-of-memory) and is left out: killed',
      '1 of 4 done, 1.0 s per generation, about 3 s left for 3 more',
    ])
  })
})

describe('the end', () => {
  const none = { complete: 0, failed: 0, pruned: 0, rungs: 0, repeats: 0 }

  it.each([
    [
      { ...none, complete: 3, failed: 1, ended: 'target' as const },
      'Evolution finished, 4 generations; 1 complete in all.',
    ],
    [
      { ...none, ended: 'interrupted' as const },
      'Interrupted before a generation was finished. Go on with: hypevolve resume runs/evolve/exp',
    ],
    [
      { ...none, complete: 1, ended: 'stopped' as const },
      'Stopped by hypevolve stop after 1 generation. Go on with: hypevolve resume runs/evolve/exp',
    ],
  ])('is told for %j', async (summary, text) => {
    const trial = (await study.ask()) as RunningTrial
    await study.tell(trial, { mAP50: 0.1 })
    const { screen, view } = shown({ slots: 1 })
    view.end(summary, ['a/evolve.csv', 'a/evolve.png'], ['Best results from row 0:'])
    view.tellNext()
    expect(screen.lines.filter((line) => line !== '')).toEqual([
      'Best results from row 0:',
      text,
      'Results saved to a/evolve.csv, a/evolve.png',
      'Train with the best: hypevolve best runs/evolve/exp --train --final-epochs 300',
    ])
  })
})

describe('the plan', () => {
  const plan = {
    trainings: 300,
    epochs: 10,
    epochsInAll: 3000,
    slots: 2,
    secondsPerTraining: undefined,
    seconds: undefined,
    measured: false,
    evolved: ['lr0', 'lrf'],
    fixed: [
      { key: 'degrees', reason: 'zero' },
      { key: 'iou_t', reason: 'gain 0' },
      { key: 'shear', reason: 'zero' },
    ],
  }

  it('says what is done, what moves, and what stays and why', () => {
    expect(planLines(plan)).toEqual([
      'Plan: 300 trainings of 10 epochs, 3000 epochs in all, 2 at once',
      'Evolved, 2: lr0, lrf',
      'Fixed, 3: degrees, shear (zero); iou_t (gain 0)',
    ])
    expect(planLines({ ...plan, secondsPerTraining: 60, seconds: 9000 })[0]).toMatch(/: about 2 h 30 min, 1 min each$/)
  })

  it('breaks lines between words', () => {
    expect(wrapped('one two three', 8)).toEqual(['one two', '  three'])
    expect(wrapped('', 8)).toEqual([''])
    expect(wrapped('incomprehensibilities', 8)).toEqual(['incomprehensibilities'])
  })
})

describe('a table', () => {
  it('aligns columns, Chinese ones too, and is cut to the terminal', () => {
    const columns = [
      { title: 'n', text: ({ n }: { n: number; name: string }) => String(n) },
      { title: 'name', align: 'left' as const, text: ({ name }: { n: number; name: string }) => name },
    ]
    const rows = [
      { n: 1, name: '细胞' },
      { n: 20, name: 'cells' },
    ]
    expect(tableLines(columns, rows)).toEqual([' n  name', ' 1  细胞', '20  cells'])
    expect(tableLines(columns, rows, 6)[2]).toBe('20  c…')
    expect(tableLines(columns, [])).toEqual(['n  name'])
  })
})
