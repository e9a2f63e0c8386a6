// What is read from a study for people, from a real storage in memory.
import { beforeAll, describe, expect, it } from 'vitest'
import { StudyNotFoundError, UsageError } from '../../base/index.ts'
import { defineSpace, float, integer } from '../../search/index.ts'
import { createStudy, MemoryStorage, type Study, type StudyOverview } from '../../study/index.ts'
import { studyFlags, trainingWords } from './command-line.ts'
import { csvText } from './csv.ts'
import { findStudy } from './open.ts'
import { secondsLeft, secondsPerTrial } from './outlook.ts'
import { doneText, stateText, studyState } from './progress.ts'
import { fittest, readRows, readTrials } from './read.ts'
import { settingsOf, studyFolder, toSettings } from './settings.ts'
import { detailLines, readDetails } from './show.ts'
import { readStatus, statusLines } from './status.ts'
import { trialTable } from './trials.ts'

const space = defineSpace({ lr0: float(0.001, 0.1, { default: 0.01 }), layers: integer(1, 4, { default: 2 }) })
const start = Date.parse('2026-03-04T10:00:00Z')
let now = start
const storage = new MemoryStorage({ clock: () => now })
let study: Study

const overview = async (): Promise<StudyOverview> => (await storage.studies())[0]!

beforeAll(async () => {
  study = (await createStudy({
    space,
    storage,
    sampler: 'yolov5',
    name: 'runs/evolve/exp',
    fitness: 'mAP50',
  })) as unknown as Study
  await study.extend(10)
  for (const mAP50 of [0.3, 0.5, Number.NaN, 0.5]) {
    const trial = (await study.ask())!
    now += 60_000
    await study.report(trial, 1, { mAP50: 0.1 })
    await study.tell(trial, { mAP50, 'mAP50/red': 0.2 })
  }
  const failing = (await study.ask())!
  now += 30_000
  await study.fail(failing, { failure: 'crash', output: ['one', 'two', 'Exit code 1.'], retry: true })
  const again = (await study.ask())!
  now += 60_000
  await study.tell(again, { mAP50: 0.4 })
  const running = (await study.ask())!
  now += 20_000
  await study.report(running, 2, { mAP50: 0.2 })
})

describe('a trial', () => {
  it('is shown with its hyp before the classes, which are a table', async () => {
    const lines = detailLines(await readDetails(storage, await overview(), 1), new Date(now))
    expect(lines.slice(0, 3)).toEqual(['Trial 1 of runs/evolve/exp: complete', '  fitness 0.5000', '  mAP50 0.5000'])
    const at = (text: string) => lines.findIndex((line) => line.startsWith(text))
    expect(at('Hyperparameters')).toBe(4)
    expect(lines.slice(at('Classes:'), at('Attempts:'))).toEqual(['Classes:', '  class   mAP50', '  red    0.2000', ''])
    expect(at('Classes:')).toBeGreaterThan(at('Hyperparameters'))
  })
})

describe('the status of a study', () => {
  it('fits a screen', async () => {
    const status = await readStatus(storage, await overview(), new Date(now))
    const lines = statusLines(status, { width: 120, now: new Date(now) })
    expect(lines[0]).toBe('runs/evolve/exp (study 1): running, 1 process')
    expect(lines.slice(1).map((line) => line.replace(/by \S+/, 'by here').replace(/at about .*/, 'at …'))).toEqual([
      expect.stringMatching(/^ {10}sampler yolov5, fitness mAP50, begun /),
      'done      5 of 10 (50 %): 4 complete, 1 failed, 1 running',
      'failed    1 × diverged (trial 2)',
      expect.stringMatching(/^ {12}No fitness: /),
      'start     trial 0: fitness 0.3000 (mAP50 0.3000)',
      'best      trial 1: fitness 0.5000, 66.7 % above the start (mAP50 0.5000)',
      'running   trial 5: epoch 2, for 20 s, by here',
      'time      1 min per trial; ends at …',
    ])
    // Five trials of a minute, a third of one done.
    expect(status.endsAt!.getTime() - now).toBeCloseTo((5 - 1 / 3) * 60_000, -2)
  })

  it('knows no end while nobody works', async () => {
    const status = await readStatus(storage, { ...(await overview()), workers: [] }, new Date(now))
    expect(status.endsAt).toBeUndefined()
    const lines = statusLines(status, { width: 80, now: new Date(now) })
    expect(lines.at(-1)).toBe('          Nobody works on it. Go on with: hypevolve resume runs/evolve/exp')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
  })
})

describe('the trials of a study', () => {
  it('come as flat rows', async () => {
    const rows = await readRows(storage, await overview())
    expect(rows.map(({ number, state, attempts, failure }) => [number, state, attempts, failure])).toEqual([
      [0, 'complete', 1, null],
      [1, 'complete', 1, null],
      [2, 'failed', 1, 'diverged'],
      [3, 'complete', 1, null],
      [4, 'complete', 2, 'crash'],
      [5, 'running', 1, null],
    ])
    expect(rows[4]).toMatchObject({ fitness: 0.4, output: ['one', 'two', 'Exit code 1.'], seconds: 60 })
    expect(rows[5]).toMatchObject({ fitness: null, endedAt: null, seconds: null })
    expect(rows[0]).toMatchObject({ startedAt: new Date(start).toISOString(), hyp: { lr0: 0.01, layers: 2 } })
  })

  it('rank by fitness, of equals the lower number first', async () => {
    expect(fittest(await readTrials(storage, await overview()))?.number).toBe(1)
  })

  it('make a table', async () => {
    const lines = trialTable(await readRows(storage, await overview()))
    expect(lines[0]).toBe('trial  state     fitness   mAP50   took  from  moved  note')
    expect(lines[1]).toBe('    0  complete   0.3000  0.3000  1 min     -      -')
    expect(lines[3]).toMatch(/^ {4}2 {2}failed +- +- {2}1 min .* diverged$/)
    expect(lines[5]).toMatch(/after crash, attempt 2$/)
  })

  it('make a CSV that keeps all digits', async () => {
    const lines = csvText(await readRows(storage, await overview()))
      .trimEnd()
      .split('\n')
    expect(lines[0]).toBe(
      'number,state,fitness,mAP50,mAP50/red,lr0,layers,parents,mutated,attempts,failure,startedAt,endedAt,seconds,worker,' +
        'fidelity,continues,repeats,repetition,second,violation',
    )
    expect(lines[1]).toMatch(/^0,complete,0\.3,0\.3,0\.2,0\.01,2,,,1,,2026-03-04T10:00:00\.000Z,/)
    expect(csvText([]).split(',')).toHaveLength(17)
  })
})

describe('a study', () => {
  const of = (id: number, name: string, more: Partial<StudyOverview> = {}): StudyOverview => ({
    ...({ key: '', stopping: false, createdAt: '', target: 10 } as StudyOverview),
    definition: { settings: {}, identity: {} } as unknown as StudyOverview['definition'],
    counts: { waiting: 0, running: 0, complete: 0, pruned: 0, failed: 0 },
    workers: [],
    id,
    name,
    ...more,
  })
  const studies = [of(1, 'runs/evolve/exp'), of(2, 'runs/evolve/exp2'), of(5, 'mine/exp'), of(7, '3')]
  const find = (name?: string) => findStudy(studies, name, 'the storage', '/home/me').name

  it.each([
    [undefined, '3'],
    ['runs/evolve/exp', 'runs/evolve/exp'],
    ['./runs/evolve/exp2/', 'runs/evolve/exp2'],
    ['/home/me/runs/evolve/exp2', 'runs/evolve/exp2'],
    ['exp2', 'runs/evolve/exp2'],
    ['2', 'runs/evolve/exp2'],
    ['3', '3'],
  ])('is found by %s', (name, found) => expect(find(name)).toBe(found))

  it('that is not there, or may be several, is not guessed', () => {
    expect(() => find('exp')).toThrow(UsageError)
    expect(() => find('exp9')).toThrow(StudyNotFoundError)
    expect(() => find('9')).toThrow(StudyNotFoundError)
    expect(() => findStudy([], undefined, 'the storage')).toThrow(StudyNotFoundError)
  })

  it('has a state in words', () => {
    const worker = {} as StudyOverview['workers'][number]
    const counts = { waiting: 0, running: 0, complete: 8, pruned: 1, failed: 1 }
    expect([
      stateText(of(1, 'a')),
      stateText(of(1, 'a', { counts })),
      stateText(of(1, 'a', { workers: [worker, worker] })),
      stateText(of(1, 'a', { workers: [worker], stopping: true })),
      doneText(of(1, 'a', { counts, spent: 10 })),
      doneText(of(1, 'a', { spent: 3.25, target: 37.44 })),
    ]).toEqual(['stopped', 'finished', 'running, 2 processes', 'stopping, 1 process', '10 of 10', '3.3 of 37.4'])
    const { target: _, ...endless } = of(1, 'a', { counts })
    expect(studyState(endless as StudyOverview)).toBe('stopped')
  })

  it('remembers the command that began it', () => {
    const words = [
      '--data',
      'my data.yaml',
      '--img',
      '64',
      '--evolve',
      '5',
      '--name',
      'x',
      '--freeze',
      '1',
      '2',
      '--nosave',
    ]
    const settings = toSettings({ words, cwd: '/elsewhere', release: undefined })
    const begun = of(1, 'runs/evolve/x', { definition: { settings } as unknown as StudyOverview['definition'] })
    expect(studyFlags(begun).flags).toMatchObject({ data: 'my data.yaml', imgsz: 64, evolve: 5, freeze: [1, 2] })
    expect(trainingWords(words)).toEqual(['--data', 'my data.yaml', '--imgsz', '64', '--freeze', '1', '2'])
    expect(studyFolder(begun)).toBe('/elsewhere/runs/evolve/x')
    expect(settingsOf(begun.definition)).not.toHaveProperty('release')
    expect(() => studyFlags(of(1, 'imported'))).toThrow(UsageError)
  })

  it('of a command trainer remembers the program', () => {
    const words = ['--evolve', '--trainer', 'command', '--', 'sh', '-c', 'echo --img']
    const begun = of(1, 'x', { definition: { settings: { words } } as unknown as StudyOverview['definition'] })
    expect(studyFlags(begun).flags).toMatchObject({ evolve: true, program: ['sh', '-c', 'echo --img'] })
  })
})

describe('the outlook', () => {
  it('goes by the last complete trainings', () => {
    const attempt = (seconds: number, minute: number, ending: 'complete' | 'failed' = 'complete') => ({
      ...{ trial: minute, attempt: 1, worker: undefined, failure: undefined, output: [], ending },
      startedAt: new Date(start + 60_000 * minute - 1000 * seconds).toISOString(),
      endedAt: new Date(start + 60_000 * minute).toISOString(),
    })
    expect(secondsPerTrial([])).toBeUndefined()
    expect(secondsPerTrial([attempt(10, 1), attempt(20, 2), attempt(500, 3, 'failed')])).toBe(15)
    const slowerLater = [...Array(20).keys()].map((i) => attempt(40, 100 + i))
    expect(secondsPerTrial([attempt(1000, 1), ...slowerLater])).toBe(40)
  })

  it('counts what is trained at the same time, and what running trainings have done', () => {
    expect(secondsLeft(60, { left: 0, atOnce: 1, runningSeconds: [] })).toBe(0)
    expect(secondsLeft(60, { left: 4, atOnce: 2, runningSeconds: [30, 0] })).toBe(105)
    expect(secondsLeft(60, { left: 1, atOnce: 1, runningSeconds: [200] })).toBe(0)
    expect(secondsLeft(60, { left: 1, atOnce: 4, runningSeconds: [10] })).toBe(50)
  })
})

describe('settings of a study', () => {
  it('survive entries that this release does not know', () => {
    expect(settingsOf({ settings: { words: ['a'], later: 3 } } as never)).toEqual({ words: ['a'] })
    expect(settingsOf({ settings: { words: 'no list' } } as never)).toEqual({})
  })
})
