// The commands around a study, as a user types them: evolve with a ten-line program, look, take out, go on, clean up.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cacheEnv, cli, type Running, scratch, startCli, wait } from './helpers.ts'

/** "Trains" in no time; its metrics follow from the trial's number, trial 2 fails for good. */
const program = `
const trial = Number(process.env.HYPEVOLVE_TRIAL)
const epochs = Number(process.env.HYPEVOLVE_EPOCHS)
const pause = Number(process.argv[2] ?? 0)
console.log('training with ' + process.env.HYPEVOLVE_HYP)
if (trial === 2) { console.error('loss is nan'); process.exit(3) }
const metrics = { precision: 0.5, recall: 0.4, mAP50: 0.3 + trial / 100, mAP50to95: 0.2 + trial / 100 }
for (let epoch = 1; epoch <= epochs; epoch++) {
  console.log(JSON.stringify({ epoch, ...metrics }))
  await new Promise((resolve) => setTimeout(resolve, pause))
}
`
const trainer = (pause = 0) => [
  '--sampler',
  'yolov5',
  '--trainer',
  'command',
  '--',
  process.execPath,
  'train.mjs',
  String(pause),
]

function project(): { folder: string; remove: () => void; run: (...words: string[]) => ReturnType<typeof cli> } {
  const { folder, remove } = scratch()
  writeFileSync(join(folder, 'train.mjs'), program)
  return { folder, remove, run: (...words) => cli(words, folder) }
}

/** What it printed, after checking that it went well. */
async function good(running: ReturnType<typeof cli>): Promise<string> {
  const { status, stdout, stderr } = await running
  expect(status, stdout + stderr).toBe(0)
  return stdout
}

describe('a study of six trials', () => {
  const place = project()
  const { run } = place
  const read = (...path: string[]) => readFileSync(join(place.folder, ...path), 'utf8')
  let said = ''

  beforeAll(async () => {
    said = await good(run('train', '--evolve', '6', '--epochs', '2', ...trainer()))
  })
  afterAll(() => place.remove())

  it('tells its plan, each trial and the end', () => {
    expect(said).toMatch(/^evolve: begins runs\/evolve\/exp \(6 trials\)$/m)
    expect(said).toMatch(/^Plan: 6 trainings of 2 epochs, 12 epochs in all$/m)
    expect(said).toMatch(/^Evolved, 20: lr0, /m)
    expect(said).toMatch(/^Fixed, 9: iou_t, /m)
    expect(said.match(/^trial \d+ complete: fitness /gm)).toHaveLength(5)
    expect(said).toMatch(/^WARNING Trial 2 failed \(\w+\)/m)
    expect(said).toMatch(/^Evolution finished, 6 generations, 1 failed; 5 complete in all\.$/m)
  })

  it('is listed', async () => {
    expect(await good(run('studies'))).toMatch(/^1 +runs\/evolve\/exp +6 of 6 +1 +0\.2600 +5 .* finished$/m)
    const [study] = JSON.parse(await good(run('studies', '--json')))
    expect(study).toMatchObject({
      id: 1,
      name: 'runs/evolve/exp',
      state: 'finished',
      target: 6,
      counts: { complete: 5, failed: 1, running: 0 },
      best: { number: 5 },
    })
  })

  it('is shown on one screen', async () => {
    const text = await good(run('status', 'exp'))
    expect(text).toMatch(/^runs\/evolve\/exp \(study 1\): finished$/m)
    expect(text).toMatch(/^done +6 of 6 \(100 %\): 5 complete, 1 failed, 0 running$/m)
    expect(text).toMatch(/^failed +1 × \w+ \(trial 2\)$/m)
    expect(text).toMatch(/^best +trial 5: fitness 0\.2600, 23\.8 % above the start \(mAP50to95 0\.2500, /m)
    expect(text).toContain('loss is nan')
    expect(text.trimEnd().split('\n').length).toBeLessThan(24)
  })

  it('gives its trials as JSON, sorted and filtered', async () => {
    const trials = JSON.parse(await good(run('trials', '--json')))
    expect(trials.map(({ number }: { number: number }) => number)).toEqual([0, 1, 2, 3, 4, 5])
    expect(Object.keys(trials[1])).toEqual([
      ...['number', 'state', 'fitness', 'metrics', 'hyp', 'parents', 'mutated', 'fidelity', 'continues', 'repeats'],
      ...['repetition', 'second', 'violation', 'attempts', 'failure', 'output'],
      ...['startedAt', 'endedAt', 'seconds', 'worker'],
    ])
    expect(trials[1]).toMatchObject({ state: 'complete', metrics: { mAP50: 0.31 }, parents: [0], failure: null })
    expect(trials[2]).toMatchObject({ state: 'failed', fitness: null })
    expect(trials[2].output.join()).toContain('loss is nan')
    const words = [
      'trials',
      '--json',
      '--sort',
      '-fitness',
      '--filter',
      'mAP50>0.3',
      '--state',
      'complete',
      '--limit',
      '2',
    ]
    expect(JSON.parse(await good(run(...words))).map(({ number }: { number: number }) => number)).toEqual([5, 4])
  })

  it('gives its trials as a table and as CSV', async () => {
    const lines = (await good(run('trials'))).trimEnd().split('\n')
    expect(lines[0]).toMatch(/^trial +state +fitness +mAP50to95 +mAP50 +precision +recall +took +from +moved +note$/)
    expect(lines).toHaveLength(7)
    const csv = (await good(run('trials', '--csv'))).trimEnd().split('\n')
    expect(csv[0]).toMatch(/^number,state,fitness,precision,recall,mAP50,mAP50to95,lr0,.*,parents,mutated,/)
    expect(csv[1]).toMatch(/^0,complete,0\.21\d*,0\.5,0\.4,0\.3,0\.2,0\.01,/)
    expect(csv).toHaveLength(7)
  })

  it('shows one trial with what was changed', async () => {
    const text = await good(run('show', '3'))
    expect(text).toMatch(/^Trial 3 of runs\/evolve\/exp: complete$/m)
    expect(text).toMatch(/^Hyperparameters, from trial \d, \d+ of them moved, proposed when 3 had ended:$/m)
    expect(text).toMatch(/^ {2}\w+ +\S+ +\S+ +× \d\.\d{3}$/m)
    expect(text).toMatch(/^ {2}1: begun .* complete after /m)
    const failed = JSON.parse(await good(run('show', 'exp', '2', '--json')))
    expect(failed).toMatchObject({ number: 2, state: 'failed', study: 'runs/evolve/exp' })
    expect(failed.attemptRecords).toHaveLength(failed.attempts)
  })

  it('prints the logs of its trainings', async () => {
    const log = await good(run('logs', '1'))
    expect(log).toMatch(/training with .*trials\/1\/hyp\.yaml/)
    expect(log).toContain('{"epoch":2,')
    const last = await good(run('logs', 'exp', '1', '-n', '1'))
    expect(log.endsWith(last)).toBe(true)
    expect(last.trimEnd().split('\n')).toHaveLength(1)
    expect(await good(run('logs'))).toMatch(/trials\/5\/hyp\.yaml/)
  })

  it('gives its best hyperparameters in the words of others', async () => {
    const [trial] = JSON.parse(await good(run('trials', '--json', '--filter', 'number=5')))
    expect(JSON.parse(await good(run('best', '--json')))).toMatchObject({ number: 5, hyp: trial.hyp })
    expect(await good(run('best'))).toMatch(new RegExp(`^lr0: ${trial.hyp.lr0}$`, 'm'))
    expect(await good(run('best', '--format', 'yolov5@v5.0'))).not.toMatch(/^copy_paste:/m)
    expect(await good(run('best', '--format', 'ultralytics'))).not.toMatch(/^obj:/m)
    await good(run('best', '--format', 'yolov5', '--output', 'best.yaml'))
    expect(read('best.yaml')).toMatch(/^copy_paste: /m)
    const { status, stderr } = await run('best', '--format', 'yolov9')
    expect([status, stderr]).toEqual([1, expect.stringContaining('ultralytics')])
  })

  it('trains its best with the program', async () => {
    const text = await good(run('best', '--train', '--final-epochs', '3'))
    expect(text).toMatch(/^epoch 3: /m)
    expect(text).toMatch(/^Done: .* runs\/train\/exp$/m)
    const best = JSON.parse(await good(run('best', '--json')))
    expect(read('runs/train/exp/hyp.yaml')).toMatch(new RegExp(`^lr0: ${best.hyp.lr0}$`, 'm'))
  })

  it('says how to repeat a training', async () => {
    const recipe = JSON.parse(await good(run('reproduce', '4', '--json')))
    expect(recipe).toMatchObject({ trial: 4, seed: 0, folder: place.folder, code: { same: true }, data: null })
    expect(recipe.command).toContain('train.mjs')
  })

  it('exports its table, which is the file', async () => {
    expect(await good(run('export'))).toBe(read('runs/evolve/exp/evolve.csv'))
    await good(run('export', 'exp', '--output', 'copy.csv'))
    expect(read('copy.csv')).toBe(read('runs/evolve/exp/evolve.csv'))
  })

  it('suggests the next hyperparameters, as the study itself would go on', async () => {
    const first = await good(run('suggest', '--history', 'exp', '--json'))
    expect(await good(run('suggest', '--history', 'exp', '--json'))).toBe(first)
    const other = JSON.parse(await good(run('suggest', '--history', 'exp', '--seed', '5', '--json')))
    expect(other.hyp).not.toEqual(JSON.parse(first).hyp)
    const yaml = await good(run('suggest', '--history', 'runs/evolve/exp/evolve.csv', '--only', 'lr0,momentum'))
    expect(yaml).toMatch(/^box: 0\.05$/m)
    const extended = await good(run('train', '--evolve', '7', '--epochs', '2', ...trainer()))
    expect(extended).toMatch(/^evolve: extends runs\/evolve\/exp from 6 to 7 trials$/m)
    const [trial] = JSON.parse(await good(run('trials', '--json', '--filter', 'number=6')))
    expect(trial.hyp).toEqual(JSON.parse(first).hyp)
  })

  it('is not mixed with another search, and stands beside one', async () => {
    // The same command after the end begins another study.
    expect(await good(run('train', '--evolve', '2', '--epochs', '2', ...trainer()))).toMatch(
      /begins runs\/evolve\/exp2 /,
    )
    const differing = startCli(
      ['train', '--evolve', '50', '--epochs', '2', '--name', 'long', ...trainer(50)],
      place.folder,
    )
    await differing.until(/trial 0 complete/)
    const refused = await run('train', '--evolve', '50', '--epochs', '3', '--name', 'long', ...trainer(50))
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(/runs\/evolve\/long \(\d+ of 50 done.*\n {2}epochs: 2 there, 3 here/s)
    const stopped = await good(run('stop', 'long'))
    expect(stopped).toMatch(/All have ended\. Go on with: hypevolve resume runs\/evolve\/long/)
    const { status, stdout } = await differing.finished
    expect(stdout).toMatch(/Stopped by hypevolve stop after \d+ generations?\. Go on with: hypevolve resume/)
    expect(status).toBe(0)
    const forced = await good(run('train', '--evolve', '1', '--epochs', '3', '--name', 'long', '--new', ...trainer()))
    expect(forced).toMatch(/begins runs\/evolve\/long2 /)
  })

  it('is forgotten when it is deleted', async () => {
    const { status, stderr } = await run('delete', 'long2')
    expect([status, stderr]).toEqual([2, expect.stringContaining('--yes')])
    writeFileSync(join(place.folder, 'runs/evolve/long/notes.txt'), 'mine')
    expect(await good(run('delete', 'long2', '--yes'))).toMatch(/^Deleted runs\/evolve\/long2 with 1 trial/)
    expect(existsSync(join(place.folder, 'runs/evolve/long2'))).toBe(false)
    expect(await good(run('delete', 'long', '--yes'))).toMatch(/other files too and stays/)
    expect(read('runs/evolve/long/notes.txt')).toBe('mine')
    expect(await good(run('studies'))).not.toContain('long')
  })

  it.each([
    [['status', 'nowhere'], 1, 'runs/evolve/exp'],
    [['show', '99'], 1, 'trials are 0 to'],
    [['trials', '--filter', 'speed>3'], 2, 'no trial has "speed"'],
    [['train', '--evolve', '3', '--fix', 'lr', ...trainer()], 1, 'lr0'],
    [['train', '--evolve', '3', '--trainer', 'command', '--', 'no-such-program'], 1, 'no-such-program'],
    [['train', '--sampler', 'random'], 2, '--sampler goes with --evolve'],
    [['export', '--include', 'onnx'], 2, '--weights'],
  ])('answers %j with exit code %i', async (words, code, message) => {
    const { status, stderr } = await run(...words)
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/^\s+at |should not have happened/m)
    expect(status).toBe(code)
  })
})

describe('a study that is killed', () => {
  it('goes on by hypevolve resume, which needs no argument', async () => {
    const { folder, remove, run } = project()
    try {
      const running = startCli(['train', '--evolve', '8', '--epochs', '3', ...trainer(40)], folder)
      await running.until(/trial 1 complete/)
      process.kill(running.child.pid!, 'SIGKILL')
      await running.finished
      await wait(300)
      expect(await good(run('status'))).toMatch(/: stopped$/m)
      const text = await good(run('resume'))
      expect(text).toMatch(/^evolve: continues runs\/evolve\/exp \(\d of 8 done\)$/m)
      const trials = JSON.parse(await good(run('trials', '--json')))
      expect(trials.map(({ number }: { number: number }) => number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
      const rows = readFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), 'utf8').trimEnd().split('\n')
      expect(rows).toHaveLength(1 + trials.filter(({ state }: { state: string }) => state === 'complete').length)
      const again = await run('resume')
      expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('nothing to resume')])
    } finally {
      remove()
    }
  })

  it('is the work of several processes as well as of one', async () => {
    const { folder, remove, run } = project()
    try {
      const words = ['train', '--evolve', '12', '--epochs', '2', '--device']
      const loop: Running[] = [0, 1, 2].map((device) => startCli([...words, String(device), ...trainer(30)], folder))
      for (const { finished } of loop) await good(finished)
      const starts = loop.map((running) => /evolve: (begins|joins) runs\/evolve\/exp /.exec(running.output())?.[1])
      expect(starts.sort()).toEqual(['begins', 'joins', 'joins'])
      const trials = JSON.parse(await good(run('trials', '--json')))
      expect(trials.map(({ number }: { number: number }) => number)).toEqual(Array.from({ length: 12 }, (_, i) => i))
      const table = readFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), 'utf8')
      expect(table).toBe(await good(run('export')))
    } finally {
      remove()
    }
  })
})

describe('a study that runs', () => {
  it('is followed trial by trial to its end', async () => {
    const { folder, remove } = project()
    try {
      const running = startCli(['train', '--evolve', '2', '--epochs', '40', ...trainer(100)], folder)
      await running.until(/^Plan: /m)
      const followed = startCli(['logs', '-f'], folder)
      await running.finished
      const { status, stdout, stderr } = await followed.finished
      expect(stdout).toMatch(/^0 \| .*"epoch":40,/m)
      expect(stdout).toMatch(/^1 \| .*"epoch":40,/m)
      expect([status, stderr]).toEqual([0, 'Nobody works on runs/evolve/exp now.\n'])
    } finally {
      remove()
    }
  })
})

describe('what is known by name and not here', () => {
  it.each([
    ['train', '--data', 'digits'],
    ['train', '--data', 'digits', '--evolve', '2'],
    ['val', '--data', 'digits', '--weights', 'yolov5s.pt'],
    ['export', '--weights', 'yolov5s.pt'],
  ])('is not fetched with --offline: %s', async (...words) => {
    const { folder, remove } = scratch()
    try {
      const { status, stderr } = await cli([...words, '--offline'], folder, cacheEnv(folder))
      expect([status, stderr]).toEqual([1, expect.stringContaining('yolov5s.pt is not on this machine')])
      for (const name of ['train/exp', 'evolve', 'hypevolve.db'])
        expect(existsSync(join(folder, 'runs', name)), name).toBe(false)
    } finally {
      remove()
    }
  })
})

describe('a folder without studies', () => {
  it('says how one begins', async () => {
    const { remove, run } = project()
    try {
      for (const command of ['status', 'resume']) {
        const { status, stdout, stderr } = await run(command)
        expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
        expect(stderr).toContain('train … --evolve begins one')
      }
    } finally {
      remove()
    }
  })
})

describe('tables of the originals', () => {
  const reference = fileURLToPath(new URL('../golden/reference', import.meta.url))
  const v7 = 'evolve/real-run/yolov5-v7.0/evolve.csv'

  it.each([
    [v7, []],
    ['evolve/print_mutation/yolov5-v5.0/seq4/step4_evolve.txt', []],
    ['evolve/print_mutation/yolov3-v8/seqdup/step4_evolve.txt', ['--release', 'yolov3-v8']],
  ])('%s comes back byte for byte', async (path, words) => {
    const { remove, run } = project()
    try {
      const file = join(reference, path)
      expect(await good(run('import', file, '--name', 'old', ...words))).toMatch(/^old \(study 1\): \d+ trials with/)
      expect(await good(run('export', 'old'))).toBe(readFileSync(file, 'utf8'))
      expect(JSON.parse(await good(run('best', 'old', '--json'))).fitness).toBeGreaterThan(0)
    } finally {
      remove()
    }
  })

  it('are gone on with by --evolve N --resume', async () => {
    const { folder, remove, run } = project()
    try {
      const original = readFileSync(join(reference, v7), 'utf8')
      mkdirSync(join(folder, 'runs/evolve/exp'), { recursive: true })
      writeFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), original)
      await good(run('train', '--evolve', '2', '--resume', ...trainer()))
      const rows = readFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), 'utf8')
      expect(rows.startsWith(original)).toBe(true)
      expect(rows.trimEnd().split('\n')).toHaveLength(original.trimEnd().split('\n').length + 2)
    } finally {
      remove()
    }
  })

  it('are written at their places by --release', async () => {
    const files = ['evolve.txt', 'runs/train/evolve/hyp_evolved.yaml', 'evolve.png']
    const { folder, remove, run } = project()
    try {
      await good(run('train', '--evolve', '2', '--epochs', '1', '--release', 'v5.0', ...trainer()))
      for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true)
    } finally {
      remove()
    }
  })

  describe('where a release writes its own', () => {
    const columns = 7 + 28
    /** A table of YOLOv5 v4.0 as that leaves it: 25 rows, the best first, 3 digits. */
    const rows = Array.from({ length: 25 }, (_, i) => {
      const values = [0.5, 0.4, 0.5 - i / 100, 0.3 - i / 100, 0, 0, 0, 0.01 + i / 10000]
      return [...values, ...Array(columns - values.length).fill(0.5)].map((value) => cell(value)).join(' ')
    })
    const table = `${rows.join('\n')}\n`
    const v4 = ['--epochs', '1', '--release', 'v4.0']
    const lines = (folder: string, name = 'evolve.txt') =>
      readFileSync(join(folder, name), 'utf8').trimEnd().split('\n')

    it('are gone on with, row by row', async () => {
      const { folder, remove, run } = project()
      try {
        writeFileSync(join(folder, 'evolve.txt'), table)
        const said = await good(run('train', '--evolve', '2', ...v4, ...trainer()))
        expect(said).toMatch(/^evolve: begins runs\/train\/evolve \(27 trials\)$/m)
        expect(said).toMatch(/^Goes on with evolve\.txt: its 25 rows are the first trials of the study$/m)
        expect(lines(folder)).toHaveLength(27)
        expect(lines(folder)).toEqual(expect.arrayContaining(rows))
        // The same again goes on too.
        await good(run('train', '--evolve', '1', ...v4, ...trainer()))
        expect(lines(folder)).toHaveLength(28)
        expect(existsSync(join(folder, 'evolve.txt.bak'))).toBe(false)
      } finally {
        remove()
      }
    })

    it.each([
      ['has a row that is none', table.replace('\n', '\nnot a row\n'), /values|no number/],
      ['is of another release', `${rows.map((row) => row.slice(0, 11 * 29)).join('\n')}\n`, /29 columns/],
    ])('stay as they are if one %s', async (_, text, message) => {
      const { folder, remove, run } = project()
      try {
        writeFileSync(join(folder, 'evolve.txt'), text)
        const { status, stderr } = await run('train', '--evolve', '2', ...v4, ...trainer())
        expect(status).toBe(1)
        expect(stderr).toMatch(message)
        expect(stderr).toContain('add --new, which keeps it as evolve.txt.bak')
        expect(readFileSync(join(folder, 'evolve.txt'), 'utf8')).toBe(text)
        expect(JSON.parse(await good(run('studies', '--json')))).toEqual([])
      } finally {
        remove()
      }
    })

    it('are kept by --new, and by a study that finds rows of another', async () => {
      const { folder, remove, run } = project()
      try {
        writeFileSync(join(folder, 'evolve.txt'), table)
        const said = await run('train', '--evolve', '1', '--new', ...v4, ...trainer())
        expect(said.stdout + said.stderr).toContain('it is evolve.txt.bak now')
        expect(readFileSync(join(folder, 'evolve.txt.bak'), 'utf8')).toBe(table)
        expect(lines(folder)).toHaveLength(1)
        const own = readFileSync(join(folder, 'evolve.txt'), 'utf8')

        const other = ['train', '--evolve', '1', '--epochs', '2', '--release', 'v4.0']
        const refused = await run(...other, ...trainer())
        expect([refused.status, refused.stderr]).toEqual([
          1,
          expect.stringContaining('is of runs/train/evolve (1 of 1'),
        ])
        expect(readFileSync(join(folder, 'evolve.txt'), 'utf8')).toBe(own)
        await good(run(...other, '--new', ...trainer()))
        expect(readFileSync(join(folder, 'evolve.txt.bak2'), 'utf8')).toBe(own)

        writeFileSync(join(folder, 'evolve.txt'), table)
        await good(run('train', '--evolve', '1', ...v4, ...trainer()))
        expect(readFileSync(join(folder, 'evolve.txt.bak3'), 'utf8')).toBe(table)
        expect(lines(folder)).toHaveLength(2)
      } finally {
        remove()
      }
    })
  })
})

/** A number in a column of an evolve.txt. */
function cell(value: number): string {
  return Number(value.toPrecision(3)).toString().padStart(10)
}

describe('a study that has ended', () => {
  it('gets files that a kill left behind', async () => {
    const { folder, remove, run } = project()
    try {
      const words = ['train', '--evolve', '2', '--epochs', '1']
      await good(run(...words, ...trainer()))
      const place = (name: string) => join(folder, 'runs/evolve/exp', name)
      const table = readFileSync(place('evolve.csv'), 'utf8')
      const lacking = `${table.trimEnd().split('\n').slice(0, -1).join('\n')}\n`
      const leave = () => {
        writeFileSync(place('evolve.csv'), lacking)
        writeFileSync(place('evolve.csv.tmp'), 'half a ro')
      }
      leave()
      expect(await good(run('resume', 'exp'))).toMatch(
        /^runs\/evolve\/exp is finished \(2 of 2\)\..*\nWritten again: runs\/evolve\/exp\/evolve\.csv, /m,
      )
      expect(readFileSync(place('evolve.csv'), 'utf8')).toBe(table)
      expect(existsSync(place('evolve.csv.tmp'))).toBe(false)
      expect(await good(run('resume', 'exp'))).toContain('Its files are up to date.')

      leave()
      expect(await good(run(...words, ...trainer()))).toContain('begins runs/evolve/exp2')
      expect(readFileSync(place('evolve.csv'), 'utf8')).toBe(table)
      expect(existsSync(place('evolve.csv.tmp'))).toBe(false)
    } finally {
      remove()
    }
  })

  it('without a complete trial is a failure', async () => {
    const { folder, remove, run } = project()
    try {
      writeFileSync(join(folder, 'train.mjs'), 'process.exit(3)')
      const { status, stdout } = await run('train', '--evolve', '2', '--epochs', '1', ...trainer())
      expect(status).toBe(1)
      expect(stdout).toMatch(/^Evolution finished, 2 generations, 2 failed; 0 complete in all\.$/m)
      expect(stdout).not.toContain('Train with the best')
    } finally {
      remove()
    }
  })
})
