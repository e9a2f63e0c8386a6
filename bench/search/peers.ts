// Searches of others, in a Python of their own: Optuna and NePS, spoken to in JSON lines (peers.py).
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Hyp } from '../../src/search/index.ts'
import { eta, rungsOf } from './baselines/brackets.ts'
import type { Ask, Job, Method, Search, Setting } from './method.ts'

/** The peers are not there, or cannot be installed. */
export class PeersError extends Error {
  override readonly name = 'PeersError'
}

/** What `--setup-peers` installs first; small. */
const optuna = ['optuna==5.0.0', 'cmaes==0.13.1', 'scipy==1.17.1']
/** And then; brings PyTorch, which Optuna's GP needs too. */
const neps = ['neural-pipeline-search==0.17.0']

const script = (root: string) => join(root, 'bench/search/peers.py')
const folder = (root: string) => join(root, '.peers/search')

/** The Python with the peers: HYPEVOLVE_SEARCH_PEERS, else what `--setup-peers` made. */
const pythonOf = (root: string) => process.env['HYPEVOLVE_SEARCH_PEERS'] ?? join(folder(root), 'bin/python')

/** Installs the peers into .peers/search; a NePS that cannot be installed leaves Optuna of use. */
export function setUpPeers(root: string): void {
  const run = (command: string, ...words: string[]) => {
    console.log([command, ...words].join(' '))
    return spawnSync(command, words, { stdio: 'inherit' }).status === 0
  }
  const python = join(folder(root), 'bin/python')
  if (!existsSync(python) && !run('python3', '-m', 'venv', folder(root)))
    throw new PeersError('python3 could not make an environment: it needs its venv module (python3-venv).')
  const install = (packages: readonly string[]) => run(python, '-m', 'pip', 'install', '--quiet', ...packages)
  if (!install(optuna)) throw new PeersError(`pip could not install ${optuna.join(' ')}.`)
  console.log('NePS brings PyTorch: some GB.')
  if (!install(neps)) console.log(`pip could not install ${neps.join(' ')}: NePS and the GP of Optuna are left out.`)
}

/** Names of methods that are peers, whether they are installed or not. */
export const isPeer = (name: string): boolean => /^(optuna|neps)-/.test(name)

export interface Peers {
  readonly methods: Method[]
  /** Why there are none. */
  readonly missing?: string
  /** Ends the process that all of them run in. */
  end(): void
}

/** The methods that are installed. */
export async function openPeers(root: string): Promise<Peers> {
  const python = pythonOf(root)
  if (!existsSync(python))
    return { methods: [], missing: `No peers: there is no ${python}. Install them with --setup-peers.`, end() {} }
  const process = new PeerProcess(python, script(root))
  const { peers } = (await process.next()) as { peers: Record<string, string> }
  const digest = createHash('sha256')
    .update(readFileSync(script(root)))
    .digest('hex')
    .slice(0, 8)
  const methods = Object.entries(peers).map(([name, version]) => peerMethod(name, `${version}, ${digest}`, process))
  const none = methods.length === 0 && { missing: `No peers: ${python} has neither Optuna nor NePS.` }
  return { methods, ...none, end: () => process.end() }
}

function peerMethod(name: string, version: string, process: PeerProcess): Method {
  const stops = name.endsWith('-hyperband')
  const isNeps = name.startsWith('neps')
  return {
    name,
    version,
    summary: stops ? 'stops trainings in their course' : isNeps ? 'in rungs that begin anew' : 'at full length',
    // A training that is stopped in its course costs what a resumed one does, never what one that begins anew costs.
    resumes: stops,
    unfit({ space, resumable }) {
      if (stops && !resumable) return 'trainings of this scenario cannot be stopped in their course'
      const conditional = space.parameters.some(({ when }) => when !== undefined)
      if (isNeps && conditional) return 'NePS has no conditional spaces'
      if (name.startsWith('optuna-cmaes') && conditional)
        return "Optuna's CMA-ES starts only where no key is conditional"
      return undefined
    },
    start: (setting) => peerSearch(process, name, setting, stops),
  }
}

/** The process has one search at a time: it forgets the last one when the next begins. */
async function peerSearch(process: PeerProcess, method: string, setting: Setting, stops: boolean): Promise<Search> {
  const { space, epochs, firstEpoch, workers, seed } = setting
  const parameters = space.keys.map((key, i) => ({ key, ...space.parameters[i] }))
  // Rounded down, for from 6 to 51 a factor of 3 fits in only once, and the peers would have a rung less than ours.
  const lowest = Math.max(firstEpoch, Math.floor(epochs / eta ** (rungsOf(setting).length - 1)))
  await process.ask({ do: 'begin', method, parameters, start: space.start, epochs, lowest, workers, seed })
  return {
    async ask(number): Promise<Ask> {
      const { hyp, epochs: length } = (await process.ask({ do: 'ask', number })) as { hyp: Hyp; epochs: number }
      return { hyp: space.toHyp(space.toValues(hyp)), epochs: length }
    },
    async tell({ number, epochs: length }: Job, score: number) {
      await process.ask({ do: 'tell', number, epochs: length, score, stopped: false })
    },
    ...(stops && {
      async report({ number }: Job, epoch: number, score: number) {
        return ((await process.ask({ do: 'report', number, epoch, score })) as { stop: boolean }).stop
      },
      async stopped({ number }: Job, epoch: number, score: number) {
        await process.ask({ do: 'tell', number, epochs: epoch, score, stopped: true })
      },
    }),
  }
}

/** A child process that answers each line with a line. */
class PeerProcess {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  #errors = ''

  constructor(python: string, file: string) {
    // one thread: the machine is shared, and times are simulated
    const env = { ...process.env, OMP_NUM_THREADS: '1', PYTHONHASHSEED: '0', PYTHONUNBUFFERED: '1' }
    this.#child = spawn(python, [file], { env, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    this.#child.stdin.on('error', () => {}) // it ended: the next line that is read says so
    this.#child.on('error', (error) => (this.#errors += error.message))
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** @throws with what it wrote to stderr if it ended, or with the error that it tells */
  async next(): Promise<unknown> {
    const { value, done } = await this.#lines.next()
    if (done) throw new Error(`The peers ended:\n${this.#errors.slice(-2000)}`)
    const reply = JSON.parse(value) as { error?: string }
    if (reply.error !== undefined) throw new Error(`${reply.error}\n${this.#errors.slice(-2000)}`)
    return reply
  }

  async ask(request: object): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`)
    return this.next()
  }

  end(): void {
    this.#child.stdin.end()
  }
}
