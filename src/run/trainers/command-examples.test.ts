// The programs of examples/trainers: all are Python or bash that can be read, and those whose packages are here really train.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { temporaryFolder } from '../../../test/helpers/data-set.ts'
import { itWith } from '../../../test/helpers/peers.ts'
import { parseSpace } from '../../search/index.ts'
import type { EpochReport, Outcome, TrainJob } from '../index.ts'
import { commandTrainer, commandTraits } from './command.ts'
import { parseMetrics } from './metrics/index.ts'

const folder = fileURLToPath(new URL('../../../examples/trainers/', import.meta.url))
const peer = fileURLToPath(new URL('../../../.peers/venv/bin/python', import.meta.url))
const python = existsSync(peer) ? peer : 'python3'
/** Whether packages are installed; without importing them, which takes seconds. */
const has = (...modules: string[]) => {
  const code = 'import importlib.util as u, sys; sys.exit(not all(u.find_spec(name) for name in sys.argv[1:]))'
  return spawnSync(python, ['-c', code, ...modules]).status === 0
}
const hasPython = spawnSync(python, ['-c', '']).status === 0
const hasTorch = has('torch')

const space = parseSpace(readFileSync(join(folder, 'space.yaml'), 'utf8'), 'space.yaml')
const hyp = space.start

/** The command that the head of a file gives, for our Python. */
function documented(name: string): { command: string[]; metrics: string | undefined } {
  const text = readFileSync(join(folder, name), 'utf8').replace(/^# ?/gm, '')
  const [, line] = /^(hypevolve train (?:[^\n]*\\\n)*[^\n]*)/m.exec(text)!
  const joined = line!.replace(/\\\n\s*/g, '')
  const words = joined.split(' -- ')[1]!.trim().split(/\s+/)
  const [program, file, ...rest] = words
  const [, metrics] = /--metrics '([^']*)'/.exec(joined) ?? []
  return { command: [program === 'python' ? python : program!, join(folder, file!), ...rest], metrics }
}

async function train(name: string, epochs: number, job: Partial<TrainJob> = {}) {
  vi.stubEnv('PYTHON', python)
  vi.stubEnv('OMP_NUM_THREADS', '1')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { command, metrics } = documented(name)
  const directory = job.directory ?? join(temporaryFolder(), '0')
  mkdirSync(directory, { recursive: true })
  const trainer = commandTrainer(
    { command, hypKeys: Object.keys(hyp), epochs, imagePx: 1, ...(metrics && { metrics: parseMetrics(metrics) }) },
    { slot: 0, device: 'cpu', threads: 1 },
  )
  const reports: EpochReport[] = []
  const outcome: Outcome = await trainer.train(
    { trial: 0, attempt: 1, hyp, seed: 1, ...job, directory },
    (report) => reports.push(report),
    new AbortController().signal,
  )
  return { directory, outcome, epochs: reports.map(({ epoch }) => epoch), reports }
}

const complete = { state: 'complete', metrics: expect.objectContaining({ accuracy: expect.any(Number) }) }

describe('examples/trainers', () => {
  it.skipIf(!hasPython).each(readdirSync(folder).filter((name) => name.endsWith('.py')))('%s is Python', (name) => {
    const code = 'import ast, sys; ast.parse(open(sys.argv[1]).read())'
    const { status, stderr } = spawnSync(python, ['-c', code, join(folder, name)], { encoding: 'utf8' })
    expect(status, stderr).toBe(0)
  })

  it('train.sh is bash', () => {
    expect(spawnSync('bash', ['-n', join(folder, 'train.sh')], { encoding: 'utf8' }).stderr).toBe('')
  })

  itWith(hasTorch, 'PyTorch')('plain.py trains, and goes on where it was', async () => {
    const first = await train('plain.py', 2)
    expect(first.outcome).toEqual(complete)
    expect(first.epochs).toEqual([1, 2])
    const again = await train('plain.py', 4, { attempt: 2, directory: first.directory })
    expect(again.outcome).toEqual(complete)
    expect(again.epochs).toEqual([3, 4])
  })

  itWith(hasTorch, 'PyTorch')('train.sh trains', async () => {
    const { outcome, epochs } = await train('train.sh', 2)
    expect(outcome).toEqual(complete)
    expect(epochs).toEqual([1, 2])
  })

  itWith(hasTorch && has('lightning'), 'Lightning')('lightning_csv.py trains, and goes on where it was', async () => {
    const first = await train('lightning_csv.py', 2)
    expect(first.outcome).toEqual(complete)
    expect(first.epochs).toEqual([1, 2])
    const again = await train('lightning_csv.py', 4, { attempt: 2, directory: first.directory })
    expect(again.outcome).toEqual(complete)
    expect(again.epochs).toEqual([3, 4])
  })

  itWith(hasTorch && has('transformers', 'accelerate'), 'Hugging Face')(
    'huggingface.py trains, and goes on where it was',
    async () => {
      const first = await train('huggingface.py', 2)
      expect(first.outcome).toEqual(complete)
      expect(first.epochs.at(-1)).toBe(2)
      const again = await train('huggingface.py', 4, { attempt: 2, directory: first.directory })
      expect(again.outcome).toEqual(complete)
      expect(again.epochs.at(-1)).toBe(4)
    },
  )
})

it.each(readdirSync(folder).filter((name) => /\.(py|sh)$/.test(name)))('%s takes epochs and a seed', (name) => {
  const { anyLength, seeded } = commandTraits(documented(name))
  expect([anyLength, seeded]).toEqual([true, true])
})
