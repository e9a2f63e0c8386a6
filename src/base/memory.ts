// How much memory a process can still have.
import { readFileSync } from 'node:fs'
import { freemem, totalmem } from 'node:os'

/** Bytes. */
export interface AvailableMemory {
  /** Without swapping; Linux counts the page cache as such. */
  readonly available: number
  readonly total: number
  /** By the limit of a container. */
  readonly limited: boolean
}

/** Memory that a new process could take: what the kernel says is available, or what the container allows. */
export function availableMemory(): AvailableMemory {
  const kernel = /^MemAvailable:\s+(\d+) kB/m.exec(readIfThere('/proc/meminfo'))
  const available = kernel ? Number(kernel[1]) * 1024 : freemem()
  const limit = Number(
    readIfThere('/sys/fs/cgroup/memory.max') || readIfThere('/sys/fs/cgroup/memory/memory.limit_in_bytes'),
  )
  const used = Number(
    readIfThere('/sys/fs/cgroup/memory.current') || readIfThere('/sys/fs/cgroup/memory/memory.usage_in_bytes'),
  )
  if (limit > 0 && limit < totalmem())
    return { available: Math.min(available, Math.max(0, limit - used)), total: limit, limited: true }
  return { available, total: totalmem(), limited: false }
}

/** The text of a file, '' without it. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
