// The GPUs of this machine and who holds their memory, as nvidia-smi tells, and waiting until one is free.
import { execFile } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'
import { isTraining } from './process/index.ts'

/** A program that holds memory of a GPU. */
export interface GpuProcess {
  readonly pid: number
  readonly name: string
  /** `undefined` where the driver does not say. */
  readonly usedMb: number | undefined
}

export interface Gpu {
  /** Number, as in `--device`. */
  readonly index: number
  readonly uuid: string
  readonly name: string
  /** 0 where the driver does not say (memory shared with the processor). */
  readonly totalMb: number
  readonly usedMb: number
  /** Empty also in containers that cannot see them. */
  readonly processes: readonly GpuProcess[]
}

/** A driver that hangs does not answer at all. */
const answerMs = 15_000

/** All NVIDIA GPUs; `undefined` where there is no nvidia-smi, or it does not work. */
export async function readGpus(): Promise<readonly Gpu[] | undefined> {
  const [gpus, processes] = await Promise.all([
    query('--query-gpu=index,uuid,name,memory.total,memory.used'),
    query('--query-compute-apps=gpu_uuid,pid,process_name,used_memory'),
  ])
  return gpus === undefined ? undefined : parseGpus(gpus, processes ?? '')
}

/** What nvidia-smi prints for the two queries, with `--format=csv,noheader,nounits`. Lines of another form are passed over. */
export function parseGpus(gpus: string, processes: string): readonly Gpu[] {
  const users = lines(processes).flatMap((line) => {
    // A name may hold commas.
    const [, uuid, pid, name, used] = /^([^,]+), *(\d+), *(.*), *([^,]*)$/.exec(line) ?? []
    return uuid === undefined ? [] : [{ uuid, pid: Number(pid), name: name!, usedMb: megabytes(used!) }]
  })
  return lines(gpus).flatMap((line) => {
    const [, index, uuid, name, total, used] = /^(\d+), *([^,]+), *(.*), *([^,]*), *([^,]*)$/.exec(line) ?? []
    if (index === undefined) return []
    const mine = users.filter((user) => user.uuid === uuid)
    return {
      index: Number(index),
      uuid: uuid!,
      name: name!,
      totalMb: megabytes(total!) ?? 0,
      usedMb: megabytes(used!) ?? 0,
      processes: mine.map(({ pid, name: program, usedMb }) => ({ pid, name: program, usedMb })),
    }
  })
}

export interface WaitForGpuOptions {
  /** What must be free; default four fifths of the memory. */
  readonly needFreeMb?: number
  readonly signal: AbortSignal
  /** Told once when it begins to wait, and once more if it waited in vain; a sentence. */
  readonly onWait?: (text: string) => void
  /** After this time the training begins anyway; default one minute. */
  readonly limitMs?: number
  readonly pollMs?: number
}

/** Memory that stayed taken although it was waited for, by GPU: it is not waited for again. */
const accepted = new Map<string, number>()

/**
 * Waits until the GPUs of a slot are free: a training that was killed, or another program, may still hold memory. What
 * other trainings of this process hold is theirs. Begins at once where nothing can be seen.
 *
 * @param device - as of a slot: `0`, `0+1`, `cpu`, ''
 */
export async function waitForGpu(device: string, options: WaitForGpuOptions): Promise<void> {
  const numbers = device.split(/[+,]/).filter((part) => /^\d+$/.test(part))
  if (numbers.length === 0) return
  const { signal, onWait, limitMs = 60_000, pollMs = 1000 } = options
  let end: number | undefined
  while (!signal.aborted) {
    const gpus = (await readGpus())?.filter(({ index }) => numbers.includes(String(index))) ?? []
    const busy: string[] = []
    for (const gpu of gpus) {
      const text = await crowd(gpu, options.needFreeMb)
      if (text !== undefined) busy.push(text)
    }
    if (busy.length === 0) return
    if (end !== undefined && Date.now() >= end) {
      for (const { uuid, usedMb } of gpus) accepted.set(uuid, usedMb)
      onWait?.(`After ${Math.round(limitMs / 1000)} s the training begins although ${busy.join('; ')}.`)
      return
    }
    if (end === undefined) onWait?.(`The training waits: ${busy.join('; ')}.`)
    end ??= Date.now() + limitMs
    await delay(pollMs, undefined, { signal }).catch(() => {})
  }
}

/** Who makes a GPU too full, in a clause; `undefined` if it is free enough. */
async function crowd({ index, uuid, totalMb, usedMb, processes }: Gpu, needFreeMb: number | undefined) {
  if (totalMb === 0) return undefined
  const mine = await Promise.all(processes.map(({ pid }) => isTraining(pid)))
  const ours = processes.reduce((sum, { usedMb: mb = 0 }, i) => sum + (mine[i] ? mb : 0), 0)
  const foreign = usedMb - ours
  // A little more than last time is the same program.
  if (usedMb <= (accepted.get(uuid) ?? 0) + totalMb / 50) return undefined
  const allowed = needFreeMb === undefined ? totalMb / 5 : totalMb - needFreeMb - ours
  if (foreign <= allowed) return undefined
  const others = processes.filter((_, i) => !mine[i])
  const names = others.map(
    ({ pid, name, usedMb: mb }) => `${name} (process ${pid}${mb === undefined ? '' : `, ${mb} MB`})`,
  )
  const who = names.length > 0 ? names.join(', ') : 'a program that cannot be seen from here'
  return `GPU ${index} has ${totalMb - usedMb} of ${totalMb} MB free; held by ${who}`
}

/** Standard output of nvidia-smi; `undefined` if it is not there, fails or hangs. */
function query(what: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      'nvidia-smi',
      [what, '--format=csv,noheader,nounits'],
      { timeout: answerMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 22, windowsHide: true },
      (error, stdout) => resolve(error ? undefined : stdout),
    )
  })
}

const lines = (text: string) => text.split('\n').map((line) => line.trim())
/** `[N/A]`, `[Insufficient Permissions]` and the like are no numbers. */
const megabytes = (text: string) => (/^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : undefined)
