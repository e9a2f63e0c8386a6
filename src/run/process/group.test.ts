import { execFileSync, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { members, until } from '../../../test/helpers/processes.ts'
import { compiledEntry } from '../../base/index.ts'
import { groupMemory, type ProcessGroup, startGroup } from './index.ts'

const env = process.env

async function start(...words: string[]): Promise<{ group: ProcessGroup; output: () => string }> {
  const group = await startGroup(words, { env })
  onTestFinished(() => group.kill('SIGKILL'))
  let text = ''
  for (const stream of [group.child.stdout!, group.child.stderr!])
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return { group, output: () => text }
}

const sh = (script: string) => ['sh', '-c', script] as const
/** A child and a grandchild that would live on. */
const family = 'sleep 1000 & sh -c "sleep 1000 & wait" & echo ready; wait'

function guardiansOf(pid: number): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid=,stat=,args='], { encoding: 'utf8' }).split('\n')
  return lines
    .filter((line) => line.includes(`hypevolve guardian of ${pid}`) && !/^\s*\d+ Z/.test(line))
    .map((line) => Number.parseInt(line, 10))
}

describe('startGroup', () => {
  it('tells how the program ended, after all of its output', async () => {
    const { group, output } = await start(...sh('echo out; echo err >&2; exit 7'))
    expect(await group.ended).toEqual({ code: 7, signal: null })
    expect(output().split('\n').sort()).toEqual(['', 'err', 'out'])
    const killed = await start(...sh('kill -9 $$'))
    expect(await killed.group.ended).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('is the program itself, and its words are no shell text', async () => {
    const { group, output } = await start(
      'sh',
      '-c',
      'echo $$; printf "%s|" "$@"',
      'x',
      '$HOME',
      '*',
      "a'b",
      'a  b',
      '',
    )
    await group.ended
    expect(output()).toBe(`${group.pid}\n$HOME|*|a'b|a  b||`)
  })

  it.skipIf(process.platform !== 'linux')('is chosen before us where memory runs out', async () => {
    const { group, output } = await start('cat', '/proc/self/oom_score_adj')
    await group.ended
    expect(output()).toBe('500\n')
  })

  it('ends with 127 if there is no such program', async () => {
    const { group, output } = await start('/no/such/program')
    expect(await group.ended).toEqual({ code: 127, signal: null })
    expect(output()).toContain('not found')
  })

  it('is killed with children and grandchildren', async () => {
    const { group, output } = await start(...sh(family))
    await until(() => output() === 'ready\n' && members(group.pid).length === 4)
    group.kill('SIGKILL')
    await group.ended
    await until(() => members(group.pid).length === 0)
  })

  it('leaves nothing behind when the program ends by itself, and does not wait for it', async () => {
    const { group } = await start(...sh('sleep 1000 & sh -c "sleep 1000 & wait" & exit 0'))
    const began = Date.now()
    expect(await group.ended).toEqual({ code: 0, signal: null })
    expect(Date.now() - began).toBeLessThan(1500)
    await until(() => members(group.pid).length === 0)
  })

  it('does not wait for ever for one that left the group with the output', async () => {
    const { group, output } = await start(...sh('setsid sh -c "echo $$; sleep 8" & sleep 0.2; exit 0'))
    const began = Date.now()
    await group.ended
    expect(Date.now() - began).toBeLessThan(5000)
    expect(output()).not.toBe('')
  })

  it('has one guardian for all groups, which leaves with the last of them', async () => {
    const [one, two] = [await start('sleep', '1000'), await start('sleep', '1000')]
    expect(guardiansOf(process.pid)).toHaveLength(1)
    one.group.kill('SIGKILL')
    await one.group.ended
    expect(guardiansOf(process.pid)).toHaveLength(1)
    two.group.kill('SIGKILL')
    await two.group.ended
    await until(() => guardiansOf(process.pid).length === 0)
  })

  it.skipIf(process.platform !== 'linux')('tells the memory of the whole group', async () => {
    const hold = 'const b = Buffer.alloc(80e6, 1); console.log("ready"); setTimeout(() => b, 1e6)'
    const { group, output } = await start(...sh(`node -e '${hold}' & node -e '${hold}' & wait`))
    await until(() => output() === 'ready\nready\n', 20_000)
    const mapped = (await groupMemory(group.pid, 1e12))!
    const proportional = (await groupMemory(group.pid, 0))!
    expect(proportional).toBeGreaterThan(160e6)
    expect(proportional).toBeLessThanOrEqual(mapped)
    expect(await groupMemory(2 ** 22, 0)).toBe(0)
  })
})

describe('after kill -9 of the process that started it', () => {
  /** A coordinator that starts groups and tells their ids. */
  function coordinator(lines: string) {
    const file = writeText(
      join(temporaryFolder(), 'coordinator.mjs'),
      `import { guardGroup, startGroup } from ${JSON.stringify(compiledEntry('./index.js', import.meta.url).href)}
       import { spawn } from 'node:child_process'
       ${lines}
       setInterval(() => {}, 1000)`,
    )
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
    const groups = () => text.split('\n').filter(Boolean).map(Number)
    onTestFinished(() => {
      for (const pid of groups()) if (members(pid).length > 0) process.kill(-pid, 'SIGKILL')
    })
    return { child, groups }
  }

  const startFamilies = (count: number) =>
    `for (let i = 0; i < ${count}; i++)
       startGroup(['sh', '-c', ${JSON.stringify(family)}], { env: process.env }).then(({ pid }) => console.log(pid))`

  it('nothing is left of its groups, nor the guardian', async () => {
    const { child, groups } = coordinator(startFamilies(3))
    await until(() => groups().length === 3 && groups().every((pid) => members(pid).length === 4))
    expect(guardiansOf(child.pid!)).toHaveLength(1)
    child.kill('SIGKILL')
    await until(() => groups().every((pid) => members(pid).length === 0))
    await until(() => guardiansOf(child.pid!).length === 0)
  })

  it('nothing is left if the guardian was killed too, some time before', async () => {
    const { child, groups } = coordinator(startFamilies(1))
    await until(() => groups().length === 1 && members(groups()[0]!).length === 4)
    const [first] = guardiansOf(child.pid!)
    process.kill(first!, 'SIGKILL')
    await until(() => guardiansOf(child.pid!).length === 1 && guardiansOf(child.pid!)[0] !== first)
    await delay(200)
    child.kill('SIGKILL')
    await until(() => members(groups()[0]!).length === 0)
  })

  it('nothing is left at whatever moment it comes', async () => {
    for (let round = 0; round < 12; round++) {
      // Pids are told by the groups themselves, so that one that runs unseen by its coordinator is found too.
      const file = join(temporaryFolder(), 'pids')
      const script = `echo $$ >> '${file}'; sleep 1000`
      const { child } = coordinator(
        `for (let i = 0; i < 4; i++) startGroup(['sh', '-c', ${JSON.stringify(script)}], { env: process.env })`,
      )
      await delay(40 + 12 * round)
      child.kill('SIGKILL')
      await delay(400)
      const text = (() => {
        try {
          return readFileSync(file, 'utf8')
        } catch {
          return ''
        }
      })()
      const left = text
        .split('\n')
        .filter(Boolean)
        .map(Number)
        .filter((pid) => members(pid).length > 0)
      for (const pid of left) process.kill(-pid, 'SIGKILL')
      expect(left).toEqual([])
    }
  })

  it('a group that may leave by itself is killed if it does not', { timeout: 30_000 }, async () => {
    const { child, groups } = coordinator(
      `const stubborn = spawn('sh', ['-c', 'trap "" TERM HUP; while true; do sleep 1; done'], { detached: true, stdio: 'ignore' })
       guardGroup(stubborn.pid, 'soon')
       console.log(stubborn.pid)`,
    )
    await until(() => groups().length === 1)
    await delay(300)
    child.kill('SIGKILL')
    await delay(3000)
    expect(members(groups()[0]!).length).toBeGreaterThan(0)
    await until(() => members(groups()[0]!).length === 0, 15_000)
  })
})
