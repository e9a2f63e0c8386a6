// The commands of the tutorials, run through a shell as a reader would type them: docs/tutorial-commands.md lists them.
// "Literally": with all their values, on a data set of two pictures (a batch holds no more), until the third iteration.
// "Shortened": the same with small pictures and few epochs, some with a small model, to the end.
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { rawHyp } from '../../src/detect/hyp.ts'
import {
  alive,
  cacheEnv,
  children,
  type Finished,
  kill9,
  pathEnv,
  processesIn,
  type Running,
  scratch,
  start,
  tinyProject,
  waitFor,
} from './helpers.ts'

const train = 'hypevolve train --epochs 10 --data coco128.yaml --weights yolov5s.pt --cache'
const evolve = `${train} --evolve`
const commands = {
  train,
  evolve,
  loop: `for i in 0 1 2 3; do nohup ${evolve} --device $i > evolve_gpu_$i.log & done`,
  watch: "ps -aux|grep 'hypevolve train'",
  header: "hypevolve train --batch 40 --cfg yolov5m.yaml --weights '' --data coco.yaml --img 640 --epochs 300",
  yolov3: 'hypevolve train --data data/voc.data --cfg cfg/yolov3-tiny.cfg --img-size 416 --epochs 273 --evolve',
  yolov3Search:
    'hypevolve train --data data/voc.data --cfg cfg/yolov3-tiny.cfg --img-size 416 --epochs 273 --evolve 200 --sampler yolov3 --parent weighted --method 2',
}
/** Takes a moment and reports a formula of lr0 and momentum. */
const training = fileURLToPath(new URL('../soak/training.mjs', import.meta.url))
const packagedCfg = fileURLToPath(new URL('../../assets/models/yolov3-tiny.cfg', import.meta.url))
/** Put behind a command, these win. */
const short = '--img 64 --epochs 1 --threads 1 --workers 1'
/** A model of ten thousand weights. */
const small = `${short} --cfg tiny.yaml --weights ''`
/** For what takes half a minute on a machine that does nothing else. */
const limitMs = 400_000

let place: ReturnType<typeof scratch>
let env: NodeJS.ProcessEnv
beforeAll(async () => {
  place = scratch()
  env = { ...cacheEnv(place.folder), ...pathEnv(place.folder) }
  await tinyProject(place.folder)
  await writeCoco(place.folder)
  await writeWeights(place.folder)
}, limitMs)
afterAll(() => place.remove())

function inShell(line: string, folder = place.folder): Running {
  const running = start('sh', ['-c', line], folder, env)
  // A test that fails leaves nothing behind.
  onTestFinished(() => {
    if (running.child.exitCode === null && running.child.signalCode === null)
      process.kill(-running.child.pid!, 'SIGKILL')
  })
  return running
}
const run = (line: string): Promise<Finished> => inShell(line).finished
const read = (...path: string[]) => readFileSync(join(place.folder, ...path), 'utf8')
/** Ctrl-C, as a terminal sends it to all that runs in front. */
async function interrupt(running: Running): Promise<Finished> {
  process.kill(-running.child.pid!, 'SIGINT')
  return running.finished
}
async function trialsOf(study: string, folder = place.folder) {
  const { stdout } = await inShell(`hypevolve trials ${study} --json`, folder).finished
  return JSON.parse(stdout) as { number: number; state: string; hyp: Record<string, number>; repeats: number | null }[]
}

describe('docs/tutorial-commands.md', () => {
  const text = readFileSync(fileURLToPath(new URL('../../docs/tutorial-commands.md', import.meta.url)), 'utf8')

  it.each(Object.entries(commands))('lists what is run here: %s', (_, command) => {
    // A bar within a table is written \|
    expect(text.replaceAll('\\|', '|')).toContain(`\`${command}\``)
  })
})

describe('YOLOv5: plain training', () => {
  it(
    'runs literally, and goes on after Ctrl-C',
    async () => {
      const running = inShell(`exec ${commands.train} --name plain`)
      await running.until(/^ +2\/9 /m)
      const { status, stdout } = await interrupt(running)
      expect(stdout).toContain('hypevolve train --resume runs/train/plain')
      expect(status).toBe(130)
      const resumed = inShell('exec hypevolve train --resume runs/train/plain')
      await resumed.until(/^ +[3-9]\/9 /m)
      expect(resumed.output()).not.toMatch(/^ +0\/9 /m)
      expect((await interrupt(resumed)).status).toBe(130)
    },
    limitMs,
  )

  it('runs to its end, shortened', async () => {
    const { status, stdout, stderr } = await run(`${commands.train} ${short} --epochs 2`)
    expect(status, stdout + stderr).toBe(0)
    expect(stdout).toContain('yolov5s.pt summary: 214 layers')
    expect(read('runs/train/exp/results.csv').trim().split('\n')).toHaveLength(3)
  })

  it(
    'with the header of the hyp file runs literally',
    async () => {
      const running = inShell(`exec ${commands.header} --name header`)
      await running.until(/^ +2\/299 /m)
      const { status, stdout } = await interrupt(running)
      expect(stdout).toContain('hypevolve train --resume runs/train/header')
      expect(status).toBe(130)
    },
    limitMs,
  )

  it('with the header of the hyp file runs to its end, shortened', async () => {
    const { status, stdout, stderr } = await run(`${commands.header} ${small} --name header-small`)
    expect(status, stdout + stderr).toBe(0)
  })
})

describe('YOLOv5: evolution', () => {
  it(
    'runs literally, and goes on after Ctrl-C without being told how',
    async () => {
      const running = inShell(`exec ${commands.evolve} --name literal`)
      await running.until(/^ +2\/9 /m)
      const { status, stdout } = await interrupt(running)
      expect(stdout).toMatch(/begins runs\/evolve\/literal \(300 trainings' worth\)/)
      expect(status).toBe(130)
      const resumed = inShell('exec hypevolve resume')
      await resumed.until(/^ +[3-9]\/9 /m)
      expect(resumed.output()).toMatch(/continues runs\/evolve\/literal \(0 of 300 trainings' worth done\)/)
      expect((await interrupt(resumed)).status).toBe(130)
      expect((await trialsOf('literal')).map(({ number, state }) => [number, state])).toEqual([[0, 'waiting']])
    },
    limitMs,
  )

  it('runs to its end, shortened', async () => {
    const { status, stdout, stderr } = await run(`${commands.evolve} 2 ${short}`)
    expect(status, stdout + stderr).toBe(0)
    expect(read('runs/evolve/exp/evolve.csv').trim().split('\n')).toHaveLength(3)
    const best = await run(
      `hypevolve train --data coco128.yaml ${small} --hyp runs/evolve/exp/hyp_evolve.yaml --name best`,
    )
    expect(best.status, best.stdout + best.stderr).toBe(0)
  })

  it('runs with what the tutorial does by editing files', async () => {
    const folder = join(place.folder, 'edited')
    await writeCoco(folder)
    await tinyProject(folder)
    const flags = `--fix anchors --set degrees=0..10 --fitness '0.1*mAP50 + 0.9*mAP50to95'`
    const mutation = '--mutation-probability 0.9 --sigma 0.04'
    const edited = await inShell(`${commands.evolve} 2 ${small} ${flags} ${mutation}`, folder).finished
    expect(edited.status, edited.stdout + edited.stderr).toBe(0)
    expect((await trialsOf('', folder)).every(({ hyp }) => !('anchors' in hyp))).toBe(true)

    const { hyp } = rawHyp('v3.0/scratch')
    writeFileSync(join(folder, 'five.yaml'), stringify({ ...hyp, anchors: 5 }))
    const replay = `${commands.evolve} 2 ${small} --release v3.0 --hyp five.yaml`
    const { status, stdout, stderr } = await inShell(replay, folder).finished
    expect(status, stdout + stderr).toBe(0)
    for (const file of ['evolve.txt', 'runs/evolve/hyp_evolved.yaml', 'evolve.png'])
      expect(existsSync(join(folder, file)), file).toBe(true)
    expect((await trialsOf('', folder))[0]!.hyp).toMatchObject({ anchors: 5 })
  })
})

describe('YOLOv5: four processes', () => {
  /** Ids of the processes that `ps` shows as the tutorial asks it, of one working folder. */
  function found(folder: string): number[] {
    const { stdout } = spawnSync('sh', ['-c', commands.watch], { encoding: 'utf8' })
    const own = processesIn(folder)
    return stdout
      .split('\n')
      .map((line) => Number(line.trim().split(/\s+/)[1]))
      .filter((pid) => own.includes(pid))
  }
  /** A shell that is left at once: what it started goes on, until the test ends however it ends. */
  function inBackground(line: string, folder: string): void {
    onTestFinished(async () => {
      processesIn(folder).forEach(kill9)
      await waitFor(() => processesIn(folder).length === 0, 'the end of all processes', 20_000)
    })
    const shell = spawnSync('sh', ['-c', line], { cwd: folder, env: { ...process.env, ...env }, stdio: 'ignore' })
    expect(shell.status).toBe(0)
  }
  const log = (folder: string, i: number) => {
    const file = join(folder, `evolve_gpu_${i}.log`)
    return existsSync(file) ? readFileSync(file, 'utf8') : '' // the shell may not have come so far
  }
  const four = [0, 1, 2, 3]

  it(
    'run literally, as one study',
    async () => {
      const folder = join(place.folder, 'four')
      await writeCoco(folder)
      copyFileSync(join(place.folder, 'yolov5s.pt'), join(folder, 'yolov5s.pt'))
      inBackground(commands.loop, folder)
      await waitFor(() => four.every((i) => /^ +2\/9 /m.test(log(folder, i))), 'the third iteration', limitMs)
      const processes = found(folder)
      expect(processes).toHaveLength(4)
      processes.forEach(kill9)
      expect(four.map((i) => /^evolve: (\w+) runs\/evolve\/exp /m.exec(log(folder, i))?.[1]).sort()).toEqual([
        ...['begins', 'joins', 'joins', 'joins'],
      ])
      // The first may have come to their second trial when the last is at its third iteration.
      const numbers = (await trialsOf('exp', folder)).map(({ number }) => number)
      expect(numbers).toEqual([...numbers.keys()])
      expect(numbers.length).toBeGreaterThanOrEqual(4)
    },
    limitMs + 60_000,
  )

  it(
    'run shortened, lose one and then all by kill -9, and come to the end with `hypevolve resume`',
    async () => {
      const folder = join(place.folder, 'killed')
      await writeCoco(folder)
      await tinyProject(folder)
      const loop = commands.loop.replace('--evolve', `--evolve 12 ${small} --epochs 3`)
      inBackground(loop, folder)
      await waitFor(() => four.some((i) => /^trial \d+ complete/m.test(log(folder, i))), 'a complete trial')
      const processes = found(folder)
      expect(processes).toHaveLength(4)
      const slots = processes.flatMap(children)

      expect((await inShell(`kill -9 ${processes[0]}`, folder).finished).status).toBe(0)
      const completeBy = () => four.map((i) => (log(folder, i).match(/^trial \d+ complete/gm) ?? []).length)
      const before = completeBy()
      await waitFor(() => completeBy().some((count, i) => count > before[i]!), 'another complete trial')
      expect(found(folder)).toHaveLength(3)
      const told = four.flatMap((i) =>
        [...log(folder, i).matchAll(/^trial (\d+) complete/gm)].map((match) => Number(match[1])),
      )

      // The power goes.
      found(folder).forEach(kill9)
      await waitFor(() => !slots.some(alive), 'the end of all slots', 20_000)
      const status = await inShell('hypevolve status', folder).finished
      expect(status.stdout).toMatch(/of 12/)
      expect(status.status).toBe(0)

      const resumed = await inShell('hypevolve resume', folder).finished
      expect(resumed.stdout).toMatch(/continues runs\/evolve\/exp \([\d.]+ of 12 trainings' worth done\)/)
      expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
      const trials = await trialsOf('exp', folder)
      expect(trials.map(({ number }) => number)).toEqual(Array.from({ length: 12 }, (_, number) => number))
      expect(trials.filter(({ state }) => state === 'complete').map(({ number }) => number)).toEqual(
        expect.arrayContaining(told),
      )
      const rows = readFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), 'utf8').trim().split('\n').slice(1)
      const searched = trials.filter(({ state, repeats }) => state === 'complete' && repeats === null)
      expect(rows).toHaveLength(searched.length)
      expect(readdirSync(join(folder, 'runs/evolve'))).toEqual(['exp'])
    },
    limitMs,
  )
})

describe('YOLOv3: evolution', () => {
  it(
    'runs literally, with Darknet’s files',
    async () => {
      const running = inShell(`exec ${commands.yolov3} --name v3`)
      await running.until(/^ +2\/272 /m)
      expect((await interrupt(running)).status).toBe(130)
    },
    limitMs,
  )

  it(
    'with the options of its search runs literally',
    async () => {
      const folder = join(place.folder, 'search')
      await writeCoco(folder)
      const running = inShell(`exec ${commands.yolov3Search}`, folder)
      await running.until(/^ +2\/272 /m)
      const { status, stdout } = await interrupt(running)
      expect(stdout).toMatch(/\(200 trials\)/)
      expect(status).toBe(130)
    },
    limitMs,
  )

  it.each([
    ['as it is, to taste', commands.yolov3, `--set lr0=0.00001..0.01 --fitness '0.8*mAP50 + 0.2*f1'`],
    ['weighted parents, method 1', commands.yolov3, '--sampler yolov3 --parent weighted --method 1'],
    ['the search with its options', commands.yolov3Search, ''],
    ['single parents, method 3', commands.yolov3, '--sampler yolov3 --parent single --method 3 --sigma 0.2'],
  ])('runs to its end, shortened: %s', async (name, command, flags) => {
    const folder = join(place.folder, name) // as with that release there is one evolve.txt in a folder
    await writeCoco(folder)
    const { status, stdout, stderr } = await inShell(`${command} --evolve 2 ${short} ${flags}`, folder).finished
    expect(status, stdout + stderr).toBe(0)
    const hyps = (await trialsOf('', folder)).map(({ hyp }) => hyp)
    expect(readFileSync(join(folder, 'evolve.txt'), 'utf8').trim().split('\n')).toHaveLength(2)
    expect(hyps[0]).toMatchObject({ giou: 3.54, lr0: 0.00579, lrf: -4, shear: 0.641 })
    expect(Object.keys(hyps[0]!)).toHaveLength(18)
    expect(new Set(hyps.map((hyp) => JSON.stringify(hyp))).size).toBe(2)
  })

  it('replays the release of the tutorial into its files', async () => {
    const folder = join(place.folder, 'v3')
    await writeCoco(folder)
    const words = `--epochs 3 --release yolov3-2020-01 --trainer command -- '${process.execPath}' '${training}' 1 5`
    const line = `${commands.yolov3} 6 ${words} {out} {hyp} {epochs} {trial} {attempt}`
    const { status, stdout, stderr } = await inShell(line, folder).finished
    expect(status, stdout + stderr).toBe(0)
    const trials = await trialsOf('', folder)
    const complete = trials.filter(({ state }) => state === 'complete') // now and then one of these trainings diverges
    expect(complete.length).toBeGreaterThanOrEqual(4)
    expect(readFileSync(join(folder, 'evolve.txt'), 'utf8').trim().split('\n')).toHaveLength(complete.length)
  })
})

/** Two pictures to train on and two to validate, of a size like those of COCO, and the files that the tutorials name. */
async function writeCoco(folder: string): Promise<void> {
  for (const [split, count] of [
    ['train', 2],
    ['val', 2],
  ] as const)
    for (let index = 0; index < count; index++) {
      const [pictures, labels] = [join(folder, 'coco128/images', split), join(folder, 'coco128/labels', split)]
      for (const path of [pictures, labels]) mkdirSync(path, { recursive: true })
      const [side, left, top] = [100 + 40 * index, (index * 97) % 400, (index * 71) % 250]
      const square = { width: side, height: side, channels: 3 as const, background: { r: 230, g: 40, b: 40 } }
      await sharp({ create: { width: 640, height: 480, channels: 3, background: { r: 90, g: 90, b: 90 } } })
        .composite([{ input: { create: square }, left, top }])
        .jpeg()
        .toFile(join(pictures, `${index}.jpg`))
      const box = [(left + side / 2) / 640, (top + side / 2) / 480, side / 640, side / 480]
      writeFileSync(join(labels, `${index}.txt`), `${[0, ...box].join(' ')}\n`)
    }
  const names = Array.from({ length: 80 }, (_, index) => `  ${index}: class${index}`).join('\n')
  const data = (path: string) => `path: ${path}\ntrain: images/train\nval: images/val\nnames:\n${names}\n`
  for (const name of ['coco128.yaml', 'coco.yaml']) writeFileSync(join(folder, name), data('coco128'))
  for (const name of ['data', 'cfg']) mkdirSync(join(folder, name), { recursive: true })
  // The same as Darknet writes it.
  for (const [split, list] of [
    ['train', 'train.txt'],
    ['val', 'test.txt'],
  ] as const) {
    const pictures = join(folder, 'coco128/images', split)
    writeFileSync(
      join(folder, 'data', list),
      readdirSync(pictures)
        .map((name) => `${join(pictures, name)}\n`)
        .join(''),
    )
  }
  writeFileSync(join(folder, 'data/voc.names'), names.replaceAll(/^ +\d+: /gm, ''))
  writeFileSync(
    join(folder, 'data/voc.data'),
    'classes=80\ntrain=data/train.txt\nvalid=data/test.txt\nnames=data/voc.names\nbackup=backup/\neval=coco\n',
  )
  copyFileSync(packagedCfg, join(folder, 'cfg/yolov3-tiny.cfg'))
}

/** yolov5s.pt, made by what a user would do: a training that hardly begins, exported for YOLOv5. */
async function writeWeights(folder: string): Promise<void> {
  const line = [
    `hypevolve train --data coco128.yaml --cfg yolov5s.yaml --weights '' --noplots --name weights ${short}`,
    'hypevolve export --weights runs/train/weights/weights/last.safetensors --include pt --output yolov5s.pt',
  ].join(' && ')
  const { status, stdout, stderr } = await start('sh', ['-c', line], folder, env).finished
  if (status !== 0) throw new Error(stdout + stderr)
}
