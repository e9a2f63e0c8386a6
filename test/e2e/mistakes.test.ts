// What goes wrong for new users: each gets one clear message and exit code 1, and what was finished is kept.
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cacheEnv, cli, scratch, startCli, tinyFlags, tinyProject } from './helpers.ts'

let place: ReturnType<typeof scratch>
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  place = scratch()
  env = cacheEnv(place.folder)
  await tinyProject(place.folder)
})
afterAll(() => place.remove())

/** A copy of the tiny project that a test may spoil. */
function spoiled(name: string, spoil: (folder: string) => void): string {
  const folder = join(place.folder, name)
  for (const part of ['images', 'labels', 'data.yaml', 'tiny.yaml'])
    cpSync(join(place.folder, part), join(folder, part), { recursive: true })
  spoil(folder)
  return folder
}

const train = (cwd: string, ...more: string[]) =>
  cli(['train', ...tinyFlags, '--noplots', '--epochs', '1', ...more], cwd, env)

describe('a mistake', () => {
  it.each<[string, (folder: string) => void, string[], RegExp]>([
    ['a data set that is not there', () => {}, ['--data', 'nowhere.yaml'], /nowhere\.yaml/],
    ['a model that is not there', () => {}, ['--cfg', 'yolov9z.yaml'], /yolov9z\.yaml/],
    ['weights that are not there', () => {}, ['--weights', 'none.safetensors'], /none\.safetensors/],
    [
      'weights of PyTorch',
      (folder) => writeFileSync(join(folder, 'yolov5n.pt'), 'PK'),
      ['--weights', 'yolov5n.pt'],
      /yolov5n\.pt/,
    ],
    ['a hyp file that is not there', () => {}, ['--hyp', 'mine.yaml'], /mine\.yaml/],
    [
      'a hyp file with a typing error',
      (folder) => writeFileSync(join(folder, 'hyp.yaml'), 'lr0: 0.01\nmomentun: 0.9\n'),
      ['--hyp', 'hyp.yaml'],
      /momentun.*momentum/s,
    ],
    [
      'text for a number',
      (folder) => writeFileSync(join(folder, 'hyp.yaml'), 'lr0: fast\n'),
      ['--hyp', 'hyp.yaml'],
      /lr0.*fast/s,
    ],
    [
      'NaN for a number',
      (folder) => writeFileSync(join(folder, 'hyp.yaml'), 'lr0: .nan\n'),
      ['--hyp', 'hyp.yaml'],
      /lr0.*NaN/s,
    ],
    [
      'an image folder that is not there',
      (folder) => rmSync(join(folder, 'images/train'), { recursive: true }),
      [],
      /images\/train/,
    ],
    [
      'an empty image folder',
      (folder) => {
        rmSync(join(folder, 'images/train'), { recursive: true })
        mkdirSync(join(folder, 'images/train'))
      },
      [],
      /images\/train/,
    ],
    [
      'an empty label folder',
      (folder) => {
        rmSync(join(folder, 'labels'), { recursive: true })
        mkdirSync(join(folder, 'labels/train'), { recursive: true })
      },
      [],
      /label/,
    ],
    [
      'a class that the data set does not name',
      (folder) => {
        for (let index = 0; index < 8; index++)
          writeFileSync(join(folder, `labels/train/train${index}.txt`), '7 0.5 0.5 0.2 0.2\n')
      },
      [],
      /class/,
    ],
    [
      'a model with an unknown module',
      (folder) => {
        const path = join(folder, 'tiny.yaml')
        writeFileSync(path, readFileSync(path, 'utf8').replace('SPPF', 'SPPG'))
      },
      [],
      /SPPG.*SPPF/s,
    ],
    ['nothing to resume', () => {}, ['--resume'], /nothing to resume/],
    ['a checkpoint that is not there', () => {}, ['--resume', 'runs/train/exp9'], /runs\/train\/exp9/],
  ])('%s', async (name, spoil, words, message) => {
    const folder = spoiled(name.replaceAll(' ', '-'), spoil)
    const { status, stdout, stderr } = await train(folder, ...words)
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^\s+at |should not have happened/m)
    expect(status, stdout + stderr).toBe(1)
    expect(existsSync(join(folder, 'runs/train/exp')), 'an empty run folder').toBe(false)
  })

  it('in every evolution is told at once, not generation after generation', async () => {
    const folder = spoiled('evolving', () => {})
    const { status, stdout, stderr } = await train(folder, '--data', 'nowhere.yaml', '--evolve', '5')
    expect(stderr).toMatch(/nowhere\.yaml/)
    expect(stdout).not.toContain('Generation 2')
    expect(status).toBe(1)
    expect(existsSync(join(folder, 'runs/evolve/exp')), 'an empty folder').toBe(false)
  })
})

describe('a data set with faults', () => {
  it('trains without the images that cannot be read, and says which', async () => {
    const folder = spoiled('corrupt', (at) => {
      writeFileSync(join(at, 'images/train/train0.png'), 'no picture')
      writeFileSync(join(at, 'images/train/cut.jpg'), Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16]))
      writeFileSync(join(at, 'labels/train/cut.txt'), '0 0.5 0.5 0.2 0.2\n')
      writeFileSync(join(at, 'labels/train/train1.txt'), '0 0.5 0.5 1.7 0.2\n')
    })
    const { status, stdout, stderr } = await train(folder)
    const said = stdout + stderr
    expect(said).toMatch(/train0\.png/)
    expect(said).toMatch(/cut\.jpg/)
    expect(said).toMatch(/train1\.(txt|png)/)
    expect(status, said).toBe(0)
  })

  it('trains with a batch larger than the data set', async () => {
    const { status, stdout, stderr } = await train(place.folder, '--batch-size', '64', '--name', 'large')
    expect(status, stdout + stderr).toBe(0)
  })

  it('falls back to the CPU if a GPU is asked for, in one loud line', async () => {
    const { status, stdout } = await train(place.folder, '--device', '0', '--name', 'gpu')
    expect(stdout.match(/^WARNING --device 0: .*CPU.*$/gm)).toHaveLength(1)
    expect(status).toBe(0)
  })
})

/** Mounts a small file system; undefined where that is not allowed. */
function smallDisk(folder: string, kilobytes: number): (() => void) | undefined {
  mkdirSync(folder, { recursive: true })
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'none', folder])
  return status === 0 ? () => execFileSync('umount', ['-l', folder]) : undefined
}

const makeRoom = (folder: string) => execFileSync('mount', ['-o', 'remount,size=8m', folder])

describe('a full disk', () => {
  it('ends a training with a clear message and keeps what was written', async (context) => {
    const folder = join(place.folder, 'full')
    const unmount = smallDisk(folder, 200)
    if (!unmount) return context.skip('mounting a small file system needs root')
    try {
      const { status, stderr } = await cli(
        [
          'train',
          ...tinyFlags,
          '--data',
          '../data.yaml',
          '--cfg',
          '../tiny.yaml',
          '--noplots',
          '--epochs',
          '6',
          '--save-period',
          '1',
        ],
        folder,
        env,
      )
      expect(stderr).toMatch(/disk is full|no space/i)
      expect(stderr).not.toMatch(/^\s+at |should not have happened/m)
      expect(status).toBe(1)

      makeRoom(folder)
      const resumed = await cli(['train', '--resume'], folder, env)
      expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
      const epochs = readFileSync(join(folder, 'runs/train/exp/results.csv'), 'utf8').trim().split('\n').slice(1)
      expect(epochs.map((line) => Number(line.split(',')[0]))).toEqual([0, 1, 2, 3, 4, 5])
    } finally {
      unmount()
    }
  })

  it('ends an evolution that keeps what is finished, and goes on when there is room', async (context) => {
    const folder = join(place.folder, 'full-evolve')
    const unmount = smallDisk(folder, 400_000)
    if (!unmount) return context.skip('mounting a small file system needs root')
    try {
      const words = ['train', ...tinyFlags, '--data', '../data.yaml', '--cfg', '../tiny.yaml', '--epochs', '1']
      const running = startCli([...words, '--evolve', '12', '--sampler', 'yolov5'], folder, env)
      await running.until(/^trial 2 complete/m)
      const filler = join(folder, 'filler')
      const { stderr: full } = spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { encoding: 'utf8' })
      expect(full).toContain('No space left')
      const { status, stdout, stderr } = await running.finished
      expect(stderr).toMatch(/disk is full|no space|free/i)
      expect(stderr).not.toMatch(/^\s+at |should not have happened/m)
      expect(status).toBe(1)
      const told = [...stdout.matchAll(/^trial (\d+) complete/gm)].map(([, number]) => number)
      const table = () => readFileSync(join(folder, 'runs/evolve/exp/evolve.csv'), 'utf8').trimEnd().split('\n')
      const lines = table()
      expect(lines).toHaveLength(1 + told.length)

      rmSync(filler)
      const resumed = await cli(['resume'], folder, env)
      expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
      expect(table().slice(0, lines.length)).toEqual(lines)
      expect(table()).toHaveLength(1 + 12)
    } finally {
      unmount()
    }
  })
})
