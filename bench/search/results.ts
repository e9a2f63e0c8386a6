// Runs in a file, one JSON object a line: a bench goes on where it was interrupted.
import { createHash } from 'node:crypto'
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Run } from './simulate.ts'

/** What makes a run; two of the same are never computed twice. */
export interface RunKey {
  readonly scenario: string
  readonly task: string
  readonly quality: string
  readonly method: string
  /** Of the method's code. */
  readonly version: string
  readonly seed: number
  /** In full trainings. */
  readonly budget: number
  readonly workers: number
  readonly clock: string
}

export interface Result extends Run {
  readonly key: RunKey
  /** Real time that the run took. */
  readonly seconds: number
}

const textOf = ({ scenario, task, quality, method, version, seed, budget, workers, clock }: RunKey) =>
  JSON.stringify([scenario, task, quality, method, version, seed, budget, workers, clock])

export class Results {
  readonly #file: string | undefined
  readonly #known = new Map<string, Result>()
  /** Lines that could not be read: cut off when the program was killed. */
  readonly broken: number

  /** @param file - made when the first run is added; without it runs are only kept in memory */
  constructor(file?: string) {
    this.#file = file
    let broken = 0
    const text = file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : ''
    for (const line of text.split('\n')) {
      if (line.trim() === '') continue
      try {
        const result = JSON.parse(line) as Result
        this.#known.set(textOf(result.key), result)
      } catch {
        broken++
      }
    }
    this.broken = broken
    if (file !== undefined && text !== '' && !text.endsWith('\n')) appendFileSync(file, '\n') // begin a line of its own
  }

  get(key: RunKey): Result | undefined {
    return this.#known.get(textOf(key))
  }

  add(result: Result): void {
    this.#known.set(textOf(result.key), result)
    if (this.#file !== undefined) appendFileSync(this.#file, `${JSON.stringify(result)}\n`)
  }

  /** How many runs of the file are as these but of other code. */
  outdated(keys: readonly RunKey[]): number {
    const plain = (key: RunKey) => textOf({ ...key, version: '' })
    const wanted = new Set(keys.map(plain))
    const current = new Set(keys.map(textOf))
    return [...this.#known].filter(([text, { key }]) => wanted.has(plain(key)) && !current.has(text)).length
  }
}

/** Eight digits that change with the files below some paths; tests and maps do not count. */
export function codeDigest(root: string, paths: readonly string[]): string {
  const hash = createHash('sha256')
  const add = (path: string): void => {
    if (statSync(path).isDirectory()) {
      for (const entry of readdirSync(path).sort()) add(join(path, entry))
    } else if (/\.(js|ts|json|py)$/.test(path) && !/\.(test|d)\.ts$/.test(path)) {
      hash.update(relative(root, path)).update('\0').update(readFileSync(path))
    }
  }
  for (const path of paths) add(join(root, path))
  return hash.digest('hex').slice(0, 8)
}
