// Reads inputs one after the other and reports on each. Whatever happens to this process, fuzz.ts sees at which input.
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { HypevolveError } from '../../src/base/index.ts'
import { faulty } from './faulty.ts'
import { inputOf } from './mutate.ts'
import { type Assignment, type Report, reportDescriptor } from './protocol.ts'
import type { FuzzTarget } from './target.ts'
import { targets } from './targets/index.ts'

const { seed, folder, jobs, input } = JSON.parse(process.argv[2]!) as Assignment

function report(line: Report): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let at = 0; at < bytes.length; ) at += writeSync(reportDescriptor, bytes, at)
}

let warned: string | undefined
process.on('warning', (warning) => {
  if (warning.name !== 'ExperimentalWarning') warned = String(warning)
})

/** Lets the system forget the largest size that this process had. Linux only. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5')
  } catch {
    // Elsewhere the peak is that of the whole life.
  }
}

function peakBytes(): number {
  try {
    return 1024 * Number(/^VmHWM:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
  } catch {
    return 1024 * process.resourceUsage().maxRSS
  }
}

/** What comes of an input: the code of the error that refused it, or a fault. */
async function read(
  target: FuzzTarget,
  bytes: Uint8Array,
): Promise<{ code?: string; message?: string; fault?: string }> {
  const scratch = join(folder, target.name)
  mkdirSync(scratch, { recursive: true })
  warned = undefined
  try {
    await target.run(bytes, scratch)
  } catch (error) {
    if (error instanceof HypevolveError) return { code: error.code, message: error.message }
    return { fault: error instanceof Error ? (error.stack ?? String(error)) : `thrown: ${String(error)}` }
  }
  await new Promise(setImmediate) // warnings come a little later
  return warned === undefined ? {} : { fault: `warned: ${warned}` }
}

for (const { target: name, from, to } of jobs) {
  const target = [...targets, ...faulty].find((each) => each.name === name)!
  const seeds = await target.seeds()
  for (const [i, bytes] of seeds.entries()) {
    const { message, fault } = await read(target, bytes)
    if (message !== undefined || fault !== undefined)
      throw new Error(`Valid input ${i} of ${name} is not accepted: ${message ?? fault}`)
  }
  report({ type: 'ready', target: name })
  for (let index = from; index < to; index++) {
    const bytes = input === undefined ? inputOf(target, seeds, seed, index) : readFileSync(input)
    report({ type: 'begin', target: name, index })
    const before = process.cpuUsage()
    forgetPeak()
    const size = process.memoryUsage.rss()
    const { code, fault } = await read(target, bytes)
    const { user, system } = process.cpuUsage(before)
    report({
      type: 'end',
      ...(code !== undefined && { code }),
      ...(fault !== undefined && { fault }),
      cpuMs: (user + system) / 1000,
      grownBytes: Math.max(peakBytes() - size, 0),
    })
  }
}
