// How much memory there is, and how much a process group takes (Linux only; elsewhere that is unknown).
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { totalmem } from 'node:os'
import { constrainedMemory } from 'node:process'

/** Bytes of memory that there are: of the container, if it is limited, else of the machine. */
export function machineMemory(): number {
  const limit = constrainedMemory()
  return limit > 0 && limit < totalmem() ? limit : totalmem()
}

/**
 * Bytes of physical memory of a process group, each shared page counted once (proportional set size), or `undefined` if
 * that cannot be told. Cheap while the group is small: what all its processes map is summed first, and only if that is
 * above `interestingBytes` the shared pages are looked at.
 */
export async function groupMemory(group: number, interestingBytes: number): Promise<number | undefined> {
  if (process.platform !== 'linux') return undefined
  const members: string[] = []
  let mapped = 0
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = readNow(`/proc/${pid}/stat`)
    // pid (name) state ppid pgrp …, 24th field rss in pages; the name may hold anything, even brackets
    const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (Number(fields?.[2]) !== group) continue
    members.push(pid)
    mapped += Number(fields![21]) * 4096
  }
  if (mapped <= interestingBytes) return mapped
  let proportional = 0
  for (const pid of members) {
    const [, kilobytes] = /^Pss:\s+(\d+) kB/m.exec((await read(`/proc/${pid}/smaps_rollup`)) ?? '') ?? []
    if (kilobytes === undefined) return mapped
    proportional += Number(kilobytes) * 1024
  }
  return proportional
}

/** What the kernel has at hand: asynchronous reading would cost ten times as much. */
function readNow(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined // it has ended meanwhile
  }
}

const read = (path: string) => readFile(path, 'utf8').catch(() => undefined)
