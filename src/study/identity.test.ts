// The cases of "the same command again": one test per row of the table in docs/storage.md.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { StudyDiffersError } from '../base/index.ts'
import { beginStudy, decide, type StudyRequest, studyDifferences, studyKey } from './identity.ts'
import { MemoryStorage } from './memory-storage.ts'
import type { Json, StudyDefinition, StudyOverview, WorkerRecord } from './storage.ts'

const definition: StudyDefinition = {
  seed: 0,
  space: { parameters: [['lr0', { kind: 'yolo', start: 0.01, gain: 1, lower: 1e-5, upper: 0.1 }]], decimals: 5 },
  sampler: { name: 'yolov5', options: { mode: 'native' } },
  direction: 'maximize',
  fitness: 'yolov5',
  identity: { data: '/data/coco128.yaml', dataHash: 'a1', epochs: 10 },
  settings: { device: '0' },
}
const otherFlags = { ...definition, identity: { ...definition.identity, epochs: 300 } }
/** Its target counts full trainings' worth of epochs. */
const scheduled: StudyDefinition = {
  ...definition,
  schedule: { epochs: 9, lowest: 3, rungs: 'restart', pruner: { name: 'hyperband', options: {} }, confirm: 0.2 },
}
const otherData = { ...definition, identity: { ...definition.identity, dataHash: 'b2' } }

const worker: WorkerRecord = {
  ...{ id: 1, host: 'h', pid: 1, startedAt: 's', registeredAt: 't', heartbeatAt: 't', endedAt: undefined },
}

interface Stored {
  readonly name?: string
  readonly is?: StudyDefinition
  readonly done: number
  readonly of?: number | undefined
  readonly processes?: number
  readonly stopping?: boolean
  /** The target with which it was found finished; of studies with a schedule. */
  readonly finished?: number
}

const study = (
  { name = 'runs/evolve/exp', is = definition, done, of, processes = 0, stopping = false, finished }: Stored,
  i: number,
) =>
  ({
    id: i + 1,
    name,
    key: studyKey(is),
    definition: is,
    target: of,
    stopping,
    createdAt: 't',
    ...{ finishedTarget: finished, patienceFrom: undefined },
    counts: { waiting: 0, running: processes, complete: done, pruned: 0, failed: 0 },
    spent: done,
    workers: Array.from({ length: processes }, () => worker),
  }) satisfies StudyOverview

const request = (wanted: Partial<StudyRequest> = {}): StudyRequest => ({
  definition,
  ...(wanted.more === undefined && wanted.resume === undefined ? { target: 300 } : {}),
  base: 'runs/evolve/exp',
  isTaken: () => false,
  ...wanted,
})

interface Row {
  readonly title: string
  readonly stored: readonly Stored[]
  readonly request?: Partial<StudyRequest>
  /** Message, and what is done; or `refused`. */
  readonly says: string | RegExp
  readonly target?: number | undefined
  readonly use?: number
}

const exp2 = 'runs/evolve/exp2'

/** Rows of a table that a new study begins with. */
const earlier = [1, 2].map((lr0) => ({
  hyp: { lr0 },
  ending: { state: 'complete' as const, fitness: lr0, metrics: {} },
}))

// The titles are the first column of the table in docs/storage.md.
const rows: readonly Row[] = [
  { title: 'no study yet', stored: [], says: 'begins runs/evolve/exp (300 trials)', target: 300 },
  {
    title: 'no study yet, but a folder of that name',
    stored: [],
    request: { isTaken: (name) => name === 'runs/evolve/exp' },
    says: 'begins runs/evolve/exp2 (300 trials)',
    target: 300,
  },
  {
    title: 'no study yet, and a table where the release writes its own (evolve.txt)',
    stored: [],
    request: { firstTrials: () => ({ trials: earlier, settings: { imported: 2 } }) },
    says: 'begins runs/evolve/exp (302 trials)',
    target: 302,
  },
  {
    title: 'the same, running',
    stored: [{ done: 3, of: 300, processes: 2 }],
    says: 'joins runs/evolve/exp (3 of 300 done, 2 other processes)',
    use: 1,
  },
  {
    title: 'the same, running, larger N',
    stored: [{ done: 3, of: 100, processes: 1 }],
    says: 'joins runs/evolve/exp (3 of 300 done, 1 other process; 300 trials instead of 100)',
    use: 1,
    target: 300,
  },
  {
    title: 'the same, unfinished, smaller N',
    stored: [{ done: 3, of: 400 }],
    says: 'continues runs/evolve/exp (3 of 400 done; it keeps its 400 trials)',
    use: 1,
  },
  {
    title: 'the same, broken off or stopped',
    stored: [{ done: 3, of: 300, stopping: true }],
    says: 'continues runs/evolve/exp (3 of 300 done)',
    use: 1,
  },
  {
    title: 'the same, broken off, larger N',
    stored: [{ done: 3, of: 100 }],
    says: 'continues runs/evolve/exp (3 of 300 done; 300 trials instead of 100)',
    use: 1,
    target: 300,
  },
  {
    title: 'the same, finished',
    stored: [{ done: 300, of: 300 }],
    says: 'begins runs/evolve/exp2 (300 trials)',
    target: 300,
  },
  {
    title: 'the same, finished, larger N',
    stored: [{ done: 100, of: 100 }],
    says: 'extends runs/evolve/exp from 100 to 300 trials',
    use: 1,
    target: 300,
  },
  {
    title: 'the same, finished, of a release with one folder',
    stored: [{ done: 300, of: 300 }],
    request: { oneFolder: true },
    says: 'extends runs/evolve/exp from 300 to 600 trials',
    use: 1,
    target: 600,
  },
  {
    title: 'other flags, same data, unfinished',
    stored: [{ done: 3, of: 300, is: otherFlags }],
    says: /epochs: 300 there, 10 here/,
  },
  {
    title: 'other flags, same data, finished',
    stored: [{ done: 300, of: 300, is: otherFlags }],
    says: 'begins runs/evolve/exp2 (300 trials)',
    target: 300,
  },
  {
    title: 'other data',
    stored: [{ done: 3, of: 300, is: otherData }],
    says: 'begins runs/evolve/exp2 (300 trials)',
    target: 300,
  },
  {
    title: '--new',
    stored: [{ done: 3, of: 300, processes: 1 }],
    request: { forceNew: true },
    says: 'begins runs/evolve/exp2 (300 trials)',
    target: 300,
  },
  {
    title: 'another --name',
    stored: [{ done: 3, of: 300, name: 'runs/evolve/cars', is: otherFlags }],
    says: 'begins runs/evolve/exp (300 trials)',
    target: 300,
  },
  {
    title: 'the same beside a later one of other flags',
    stored: [
      { done: 3, of: 300 },
      { done: 1, of: 300, name: exp2, is: otherFlags },
    ],
    says: 'continues runs/evolve/exp (3 of 300 done)',
    use: 1,
  },
  {
    title: 'several of the same: the latest unfinished',
    stored: [
      { done: 300, of: 300 },
      { done: 3, of: 300, name: exp2 },
      { done: 300, of: 300, name: 'runs/evolve/exp3' },
    ],
    says: 'continues runs/evolve/exp2 (3 of 300 done)',
    use: 2,
  },
  {
    title: '--resume --evolve N: so many more',
    stored: [{ done: 100, of: 100 }],
    request: { resume: 1, more: 30 },
    says: 'extends runs/evolve/exp from 100 to 130 trials',
    use: 1,
    target: 130,
  },
  {
    title: '--resume --evolve N, broken off',
    stored: [{ done: 100, of: 300 }],
    request: { resume: 1, more: 30 },
    says: 'continues runs/evolve/exp (100 of 130 done)',
    use: 1,
    target: 130,
  },
  {
    title: '--resume --evolve N, running',
    stored: [{ done: 100, of: 300, processes: 1 }],
    request: { resume: 1, more: 30 },
    says: 'joins runs/evolve/exp (100 of 330 done, 1 other process; 330 trials instead of 300)',
    use: 1,
    target: 330,
  },
  {
    title: '--resume with other flags',
    stored: [{ done: 100, of: 300, is: otherFlags }],
    request: { resume: 1, more: 30 },
    says: /epochs: 300 there, 10 here/,
  },
  {
    title: 'the same, counted in trainings, broken off, larger N',
    stored: [{ is: scheduled, done: 12 + 1 / 3, of: 40, finished: 30 }],
    request: { definition: scheduled, target: 60.25 },
    says: "continues runs/evolve/exp (12.3 of 60.3 trainings' worth done; 60.3 trainings' worth instead of 40)",
    use: 1,
    target: 60.25,
  },
  {
    title: 'the same, counted in trainings, all spent that fits',
    stored: [{ is: scheduled, done: 39 + 8 / 9, of: 40, finished: 40 }],
    request: { definition: scheduled, target: 40 },
    says: "begins runs/evolve/exp2 (40 trainings' worth)",
    target: 40,
  },
  {
    title: 'the same, counted in trainings, all spent that fits, larger N',
    stored: [{ is: scheduled, done: 39 + 8 / 9, of: 40, finished: 40 }],
    request: { definition: scheduled, target: 50 },
    says: "extends runs/evolve/exp from 40 to 50 trainings' worth",
    use: 1,
    target: 50,
  },
  {
    title: '--resume --evolve N, counted in trainings: N more than are spent',
    stored: [{ is: scheduled, done: 12.5, of: 40 }],
    request: { definition: scheduled, resume: 1, more: 10 },
    says: "continues runs/evolve/exp (12.5 of 22.5 trainings' worth done)",
    use: 1,
    target: 22.5,
  },
  {
    title: 'no study yet, counted in trainings, and rows of a table: they cost nothing of N',
    stored: [],
    request: { definition: scheduled, target: 1, firstTrials: () => ({ trials: earlier, settings: { imported: 2 } }) },
    says: "begins runs/evolve/exp (1 training's worth)",
    target: 1,
  },
  {
    title: 'hypevolve resume',
    stored: [{ done: 100, of: 300 }],
    request: { resume: 1 },
    says: 'continues runs/evolve/exp (100 of 300 done)',
    use: 1,
  },
]

describe('the same command again', () => {
  it.each(rows)('$title', ({ stored, request: wanted, says, use, target }) => {
    const studies = stored.map(study)
    const act = () => decide(studies, request(wanted))
    if (typeof says !== 'string') {
      expect(act).toThrow(StudyDiffersError)
      expect(act).toThrow(says)
      return
    }
    const { choice, message } = act()
    expect(message).toBe(says)
    expect('create' in choice ? undefined : choice.use).toBe(use)
    expect('create' in choice ? choice.create.target : choice.target).toBe(target)
  })

  it('has a row in docs/storage.md for each of these', () => {
    const text = readFileSync(new URL('../../docs/storage.md', import.meta.url), 'utf8')
    const lines = text.split('\n')
    const first = lines.findIndex((line) => line.startsWith('| case |')) + 2
    const table = lines.slice(first, lines.indexOf('', first))
    const titles = table.map((line) => line.split('|')[1].trim().replaceAll('`', ''))
    expect(titles).toEqual(rows.map(({ title }) => title.replaceAll('`', '')))
  })
})

it('settings make no other study; all else does', () => {
  const key = studyKey(definition)
  expect(studyKey({ ...definition, settings: { device: '1' } })).toBe(key)
  expect(studyKey({ ...definition, identity: { epochs: 10, dataHash: 'a1', data: '/data/coco128.yaml' } })).toBe(key)
  const schedule = scheduled.schedule!
  const others: StudyDefinition[] = [
    scheduled,
    { ...scheduled, schedule: { ...schedule, rungs: 'stop' } },
    { ...scheduled, schedule: { ...schedule, pruner: { name: 'hyperband', options: { mode: 'async' } } } },
    { ...definition, constraints: ['latency_ms <= 10'] },
    { ...definition, second: { expression: 'latency_ms', direction: 'minimize' } },
    otherFlags,
    { ...definition, seed: 1 },
    { ...definition, direction: 'minimize' },
    { ...definition, fitness: 'mAP50' },
    { ...definition, sampler: { name: 'random', options: {} } },
    {
      ...definition,
      space: { parameters: [['lr0', { kind: 'yolo', start: 0.02, gain: 1, lower: 1e-5, upper: 0.1 }]] },
    },
  ]
  expect(new Set([key, ...others.map(studyKey)]).size).toBe(others.length + 1)
})

it('a study without a schedule has the key that it had before there were any', () => {
  expect(studyKey(definition)).toBe('e2b1659b735e99bc')
  const both = ['b <= 1', 'a <= 1']
  expect(studyKey({ ...definition, constraints: both })).toBe(
    studyKey({ ...definition, constraints: both.toReversed() }),
  )
})

it('says how schedules, constraints and second objectives differ', () => {
  const wanted: StudyDefinition = {
    ...scheduled,
    schedule: { ...scheduled.schedule!, lowest: 1, pruner: { name: 'hyperband', options: { mode: 'async' } } },
    constraints: ['a <= 1'],
    second: { expression: 'latency_ms', direction: 'minimize' },
  }
  const said = (stored: StudyDefinition) =>
    studyDifferences(stored, wanted).map(({ what, stored: there, wanted: here }) => `${what}: ${there} -> ${here}`)
  expect(said(scheduled)).toEqual([
    'lowest rung: 3 -> 1',
    'pruner option mode: nothing -> async',
    'constraints: nothing -> a <= 1',
    'second objective: nothing -> minimize latency_ms',
  ])
  expect(said(definition)).toContain('pruner: nothing -> hyperband')
})

it('says what differs, one thing at a time', () => {
  const wanted: StudyDefinition = {
    ...otherFlags,
    seed: 4,
    sampler: { name: 'yolov5', options: { mode: 'replay' } },
    space: {
      parameters: [
        ['lr0', 1],
        ['lrf', { kind: 'fixed', start: 1 }],
      ],
      decimals: 5,
    },
  }
  const said = studyDifferences({ ...definition, space: { parameters: [['lr0', 1]], decimals: 5 } }, wanted)
  expect(said.map(({ what, stored, wanted: here }) => `${what}: ${stored} -> ${here}`)).toEqual([
    'epochs: 10 -> 300',
    'sampler option mode: native -> replay',
    'seed: 0 -> 4',
    'hyperparameter lrf: not there -> fixed at 1',
  ])
})

it('a new study begins with the trials of an earlier table, and keeps its settings', async () => {
  const storage = new MemoryStorage()
  const real = {
    ...definition,
    space: {
      parameters: [['lr0', { kind: 'float', start: 0.01, lower: 1e-5, upper: 0.1 }]],
    } as StudyDefinition['space'],
    settings: { cwd: '/a' },
  }
  const enqueued = [{ lr0: 0.05 }]
  const firstTrials = () => ({ trials: earlier, enqueued, settings: { imported: 2 } })
  const wanted = { ...request(), definition: real, firstTrials }
  const { study: begun } = await beginStudy(storage, wanted)
  expect(begun.history.complete.map(({ hyp }) => hyp)).toEqual(earlier.map(({ hyp }) => hyp))
  expect(begun.definition.settings).toEqual({ cwd: '/a', imported: 2 })
  // hyps to try make no other study, and are tried first
  expect(begun.definition.enqueued).toEqual(enqueued)
  expect((await begun.ask())?.hyp).toEqual({ lr0: 0.05 })
  const again = await beginStudy(storage, wanted)
  expect([again.case, again.study.history.complete.length]).toEqual(['joined', 2])
  await again.study.close()
  await begun.close()
})

it('says how hyperparameters differ', () => {
  const range = { kind: 'range', start: 0.01, gain: 1, lower: 1e-5, upper: 0.1 }
  const of = (lr0: Json): StudyDefinition => ({ ...definition, space: { parameters: [['lr0', lr0]] } })
  const said = (stored: StudyDefinition, wanted: StudyDefinition) =>
    studyDifferences(stored, wanted).map((each) => `${each.what}: ${each.stored}, ${each.wanted}`)
  expect(said(of(range), of({ kind: 'fixed', start: 0.01 }))).toEqual([
    'hyperparameter lr0: evolved in 0.00001..0.1 with gain 1, fixed at 0.01',
  ])
  expect(said(of(range), of({ ...range, start: 0.02 }))).toEqual(['hyperparameter lr0: starts at 0.01, starts at 0.02'])
  expect(said(of(range), of({ ...range, gain: 0 }))).toEqual([
    'hyperparameter lr0: evolved in 0.00001..0.1 with gain 1, fixed at 0.01',
  ])
})

it('the same command four times at the same moment makes one study', async () => {
  const storage = new MemoryStorage()
  const space = {
    parameters: [['lr0', { kind: 'float', start: 0.01, lower: 1e-5, upper: 0.1 }]],
  } as StudyDefinition['space']
  const real = { ...definition, space }
  const begun = await Promise.all([0, 1, 2, 3].map(() => beginStudy(storage, { ...request(), definition: real })))
  expect(begun.map((each) => each.case)).toEqual(['created', 'joined', 'joined', 'joined'])
  expect(new Set(begun.map(({ study: each }) => each.id)).size).toBe(1)
  for (const { study: each } of begun) await each.close()
  expect((await beginStudy(storage, { ...request(), definition: real })).message).toBe(
    'continues runs/evolve/exp (0 of 300 done)',
  )
})
