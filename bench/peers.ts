// The opponents of the comparisons, each run in a process of its own: real YOLOv5 (see scripts/setup-peers.mjs) and
// Hypevolve's trainer.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { keepingAllocator } from '../src/base/index.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

/** The Python with YOLOv5, or a message and exit code 1. */
export function peerPython(): string {
  const python = process.env['HYPEVOLVE_PEER_PYTHON'] ?? path('../.peers/venv/bin/python')
  if (existsSync(python)) return python
  console.error(`There is no ${python}: run npm run setup-peers first.`)
  process.exit(1)
}

/** Blood cells, beside the checkout or where HYPEVOLVE_BCCD says. */
export function bccd(): string {
  const data = process.env['HYPEVOLVE_BCCD'] ?? path('../../shared/data/bccd/data.yaml')
  if (existsSync(data)) return data
  console.error(`There is no ${data}: name the data set's yaml in HYPEVOLVE_BCCD.`)
  process.exit(1)
}

/** What both drivers print, one JSON object per line. */
export interface PeerEvent {
  readonly event: 'start' | 'epoch' | 'trial' | 'end'
  readonly epoch?: number
  /** Seconds since training began. */
  readonly at?: number
  /** Of an epoch; only ours. */
  readonly seconds?: { readonly train: number; readonly val: number; readonly waitForData: number }
  /** Of a training of YOLOv5's evolution. */
  readonly trial_seconds?: number
  readonly metrics?: Readonly<Record<string, number>>
  readonly peak_rss_mb?: number
}

export type Side = 'hypevolve' | 'yolov5'

/** Runs one training to its end; `flags` are those that both drivers take. */
export function runPeer(side: Side, flags: Readonly<Record<string, string | number>>): Promise<PeerEvent[]> {
  const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])
  const command =
    side === 'yolov5'
      ? [peerPython(), path('./peers/yolov5_train.py'), ...words]
      : [process.execPath, path('./peers/hypevolve_train.mjs'), ...words]
  return new Promise((resolve, reject) => {
    // Ours as the command line starts it.
    const env = side === 'hypevolve' ? { ...process.env, ...keepingAllocator } : process.env
    const child = spawn(command[0]!, command.slice(1), { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
    child.once('error', reject)
    child.once('close', (code) => {
      if (code !== 0) return reject(new Error(`${side} ended with ${code}:\n${errors.slice(-3000)}`))
      const lines = output.split('\n').filter((line) => line.startsWith('{"event"'))
      resolve(lines.map((line) => JSON.parse(line) as PeerEvent))
    })
  })
}

export const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
export const median = (values: readonly number[]) => {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
export const variance = (values: readonly number[]) => {
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1)
}
