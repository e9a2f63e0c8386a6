// Signals, with real processes: Ctrl-C saves and can be resumed, a second one ends at once, SIGTERM is as Ctrl-C, and
// what was started with nohup survives the log-out.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  alive,
  cacheEnv,
  children,
  cli,
  main,
  type Running,
  scratch,
  start,
  startCli,
  tinyFlags,
  tinyProject,
  wait,
  waitFor,
} from './helpers.ts'

let place: ReturnType<typeof scratch>
let env: NodeJS.ProcessEnv

beforeAll(async () => {
  place = scratch()
  env = cacheEnv(place.folder)
  await tinyProject(place.folder)
})
afterAll(() => place.remove())

const long = (name: string, ...more: string[]) => ['train', ...tinyFlags, '--noplots', '--name', name, ...more]
/** Signals the whole process group, as a terminal does. */
const signalGroup = (running: Running, signal: NodeJS.Signals) => process.kill(-running.child.pid!, signal)

describe('Ctrl-C', () => {
  it('in mid-epoch keeps what is finished, which --resume goes on with', async () => {
    const running = startCli(long('stopped', '--epochs', '500'), place.folder, env)
    await running.until(/ 2\/499 /)
    signalGroup(running, 'SIGINT')
    const { status, stdout } = await running.finished
    expect(stdout).toContain('what is done is being saved')
    expect(stdout).toMatch(/Interrupted after \d+ epochs .* hypevolve train --resume runs\/train\/stopped/)
    expect(status).toBe(130)
    const rows =
      readFileSync(join(place.folder, 'runs/train/stopped/results.csv'), 'utf8').trim().split('\n').length - 1
    expect(rows).toBeGreaterThanOrEqual(2)

    const resumed = startCli(['train', '--resume', 'runs/train/stopped'], place.folder, env)
    await resumed.until(new RegExp(` ${rows + 1}/499 `))
    signalGroup(resumed, 'SIGINT')
    expect((await resumed.finished).status).toBe(130)
    const epochs = readFileSync(join(place.folder, 'runs/train/stopped/results.csv'), 'utf8')
      .trim()
      .split('\n')
      .slice(1)
      .map((line) => Number(line.split(',')[0]))
    expect(epochs).toEqual(epochs.map((_, index) => index))
  })

  it('twice ends at once and leaves no process', async () => {
    const running = startCli(long('twice', '--epochs', '500'), place.folder, env)
    await running.until(/ 1\/499 /)
    const slots = children(running.child.pid!)
    expect(slots.length).toBeGreaterThan(0)
    signalGroup(running, 'SIGINT')
    signalGroup(running, 'SIGINT')
    await wait(50)
    if (running.child.exitCode === null) signalGroup(running, 'SIGINT')
    expect((await running.finished).status).toBe(130)
    await waitFor(() => !slots.some(alive), 'the end of the slots', 10_000)
  })

  it('in an evolution keeps the finished generations', async () => {
    const running = startCli(
      long('evolution', '--epochs', '3', '--sampler', 'yolov5', '--evolve', '200'),
      place.folder,
      env,
    )
    await running.until(/Generation 3 of 200/)
    signalGroup(running, 'SIGINT')
    const { status, stdout } = await running.finished
    expect(stdout).toContain('Go on with: hypevolve resume runs/evolve/evolution')
    expect(status).toBe(130)
    const folder = join(place.folder, 'runs/evolve/evolution')
    const rows = readFileSync(join(folder, 'evolve.csv'), 'utf8').trim().split('\n').length - 1
    expect(rows).toBeGreaterThanOrEqual(2)
    expect(existsSync(join(folder, 'evolve.png'))).toBe(true)

    const more = await cli(
      long('evolution', '--epochs', '3', '--sampler', 'yolov5', '--evolve', '1', '--resume'),
      place.folder,
      env,
    )
    expect(more.stdout).toContain(`continues runs/evolve/evolution (${rows} of ${rows + 1} done)`)
    expect(more.status).toBe(0)
    expect(readFileSync(join(folder, 'evolve.csv'), 'utf8').trim().split('\n')).toHaveLength(rows + 2)
  })
})

describe('SIGTERM', () => {
  it('saves as Ctrl-C does', async () => {
    const running = startCli(long('terminated', '--epochs', '500'), place.folder, env)
    await running.until(/ 1\/499 /)
    process.kill(running.child.pid!, 'SIGTERM')
    const { status, stdout } = await running.finished
    expect(stdout).toMatch(/Interrupted after/)
    expect(status).toBe(143)
  })
})

describe('log-out', () => {
  it('does not end a training started with nohup', async () => {
    // A terminal whose shell starts the training, waits for its second epoch and is gone.
    const quoted = [process.execPath, main, ...long('nohup', '--epochs', '12')].map((word) => `'${word}'`).join(' ')
    const shell = `nohup ${quoted} > nohup.log 2>&1 & until grep -q ' 1/11 ' nohup.log; do sleep 0.05; done`
    await start('script', ['-qfec', shell, '/dev/null'], place.folder, env).finished
    const log = () => readFileSync(join(place.folder, 'nohup.log'), 'utf8')
    for (let round = 0; round < 300 && !/Results saved|hypevolve:/.test(log()); round++) await wait(200)
    expect(log()).toContain('The terminal is gone (SIGHUP); going on without it.')
    expect(log()).toMatch(/^Done: 12 epochs in /m)
    expect(log()).toContain('Results saved')
  })

  it('of the terminal that a training belongs to interrupts it', async () => {
    // `script` gives the training a terminal of its own; its end is the log-out.
    const inner = [process.execPath, main, ...long('terminal', '--epochs', '500')].map((word) => `'${word}'`).join(' ')
    const running = start('script', ['-qfec', inner, '/dev/null'], place.folder, env)
    await running.until(/ 1\/499 /)
    const [training] = children(running.child.pid!)
    running.child.kill('SIGKILL')
    for (let round = 0; round < 150 && alive(training!); round++) await wait(200)
    expect(alive(training!)).toBe(false)
    expect(existsSync(join(place.folder, 'runs/train/terminal/weights/last.safetensors'))).toBe(true)
  })
})

describe('a training of more than a day', () => {
  it('is asked about on a terminal, and ended by a no', async () => {
    const words = ['train', ...tinyFlags, '--noplots', '--name', 'eternal', '--epochs', '100000000']
    const inner = [process.execPath, main, ...words].map((word) => `'${word}'`).join(' ')
    const running = start('script', ['-qfec', inner, '/dev/null'], place.folder, env, 'pipe')
    await running.until(/more than a day[\s\S]*Go on\?/)
    running.child.stdin!.write('n\n')
    const { status, stdout } = await running.finished
    expect(stdout).toMatch(/Interrupted after|Interrupted before/)
    expect(status).toBe(130)
  })
})
