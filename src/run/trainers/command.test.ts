import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { isRunning, until } from '../../../test/helpers/processes.ts'
import { CommandNotFoundError, CommandPlaceholderError } from '../../base/index.ts'
import type { EpochReport, Outcome, SlotResources, TrainJob } from '../index.ts'
import { type CommandOptions, commandTrainer, commandTraits } from './command.ts'
import { parseMetrics } from './metrics/index.ts'

const hasPython = spawnSync('python3', ['-c', '']).status === 0
const cpu: SlotResources = { slot: 0, device: 'cpu', threads: 2 }
const hyp = { lr0: 0.01, momentum: 0.9 }

interface Run {
  outcome: Outcome
  reports: EpochReport[]
  directory: string
  log: string
}

/** Trains one trial with a script (JavaScript, or shell after `#!/bin/sh`). */
async function train(
  script: string,
  {
    words = [],
    job = {},
    slot = cpu,
    signal = new AbortController().signal,
    onEpoch = () => {},
    language,
    ...options
  }: Partial<CommandOptions> & {
    words?: string[]
    job?: Partial<TrainJob>
    slot?: SlotResources
    signal?: AbortSignal
    onEpoch?: (report: EpochReport) => void
    language?: 'python3'
  } = {},
): Promise<Run> {
  const directory = job.directory ?? join(temporaryFolder(), 'trials', '3')
  mkdirSync(directory, { recursive: true })
  const isShell = script.startsWith('#!/bin/sh')
  const file = writeText(join(temporaryFolder(), isShell ? 'train.sh' : 'train.mjs'), script)
  const command = [language ?? (isShell ? '/bin/sh' : process.execPath), file, ...words]
  const trainer = commandTrainer({ command, hypKeys: Object.keys(hyp), epochs: 5, imagePx: 320, ...options }, slot)
  onTestFinished(() => trainer.close())
  const reports: EpochReport[] = []
  const listen = (report: EpochReport) => {
    reports.push(report)
    onEpoch(report)
  }
  const outcome = await trainer.train({ trial: 3, attempt: 1, hyp, seed: 7, directory, ...job }, listen, signal)
  const log = join(directory, 'train.log')
  return { outcome, reports, directory, log: existsSync(log) ? readFileSync(log, 'utf8') : '' }
}

/** The example of docs/trainers.md in a language. */
function documented(language: string): string {
  const text = readFileSync(new URL('../../../docs/trainers.md', import.meta.url), 'utf8')
  return text.split(`\`\`\`${language}\n`)[1]!.split('```')[0]!
}

describe('a program that trains', () => {
  const documentedMetrics = (epoch: number) => ({ mAP50: (1 - 0.01) * (1 - 1 / (1 + epoch)) })

  it('gets its hyp and says its metrics line by line', async () => {
    const { outcome, reports, directory, log } = await train(documented('js'))
    expect(outcome).toEqual({ state: 'complete', metrics: documentedMetrics(5) })
    expect(reports).toEqual([1, 2, 3, 4, 5].map((epoch) => ({ epoch, epochs: 5, metrics: documentedMetrics(epoch) })))
    expect(readFileSync(join(directory, 'hyp.yaml'), 'utf8')).toBe('lr0: 0.01\nmomentum: 0.9\n')
    expect(statSync(join(directory, 'out')).isDirectory()).toBe(true)
    expect(log).toMatch(/^\[hypevolve\] \S+ trial 3, attempt 1: .*train\.mjs\n\{"epoch":1,/)
  })

  it.skipIf(!hasPython)('may be a Python script', async () => {
    const { outcome, reports } = await train(documented('python'), {
      words: ['{hyp}', '{epochs}'],
      language: 'python3',
    })
    expect(outcome).toEqual({ state: 'complete', metrics: documentedMetrics(5) })
    expect(reports).toHaveLength(5)
  })

  it('knows all facts from arguments and environment', async () => {
    const words = ['{hyp.lr0}', '{out}', '{device}', '{seed}', '{trial}/{attempt}', '{imgsz}', '{threads}']
    const script = `
      const e = process.env
      console.error(JSON.stringify([process.argv.slice(2), e.HYPEVOLVE_DEVICE, e.HYPEVOLVE_TRIAL, e.HYPEVOLVE_HYP_JSON,
        e.OMP_NUM_THREADS, e.PYTHONUNBUFFERED]))
      console.log('{"x": 1}')`
    const { log, directory } = await train(script, { words, job: { attempt: 2 }, slot: { ...cpu, device: '0+1' } })
    expect(JSON.parse(log.split('\n').find((line) => line.startsWith('['.concat('[')))!)).toEqual([
      ['0.01', join(directory, 'out'), '0,1', '7', '3/2', '320', '2'],
      '0,1',
      '3',
      '{"lr0":0.01,"momentum":0.9}',
      '2',
      '1',
    ])
  })

  it('sees only its GPUs, unless it is told their numbers', async () => {
    const script = `console.log(JSON.stringify({ x: Number(process.env.CUDA_VISIBLE_DEVICES ?? -1) }))`
    const gpu = { ...cpu, device: '3' }
    expect((await train(script, { slot: gpu })).outcome).toMatchObject({ metrics: { x: 3 } })
    expect((await train(script, { slot: gpu, words: ['{device}'] })).outcome).toMatchObject({ metrics: { x: -1 } })
    expect((await train(script)).outcome).toMatchObject({ metrics: { x: -1 } })
  })

  it('is told where an earlier attempt was', async () => {
    const script = `
      import { existsSync, writeFileSync } from 'node:fs'
      const [resume] = process.argv.slice(2)
      const last = resume + '/last'
      const before = resume !== '' && existsSync(last)
      writeFileSync(process.env.HYPEVOLVE_OUT + '/last', '1')
      console.log(JSON.stringify({ x: Number(before), same: Number(process.env.HYPEVOLVE_RESUME === resume) }))`
    const words = ['{resume}']
    const first = await train(script, { words })
    expect(first.outcome).toMatchObject({ metrics: { x: 0, same: 1 } })
    const second = await train(script, { words, job: { attempt: 2, directory: first.directory } })
    expect(second.outcome).toMatchObject({ metrics: { x: 1, same: 1 } })
    expect((await train(script, { words, job: { attempt: 2 } })).outcome).toMatchObject({ metrics: { x: 0 } })
  })

  it('may be a line for the shell', async () => {
    const script = 'for (let i = 1; i <= 3; i++) console.log("epoch " + i + " mAP50: 0." + i)'
    const file = writeText(join(temporaryFolder(), 'it is.mjs'), script)
    const trainer = commandTrainer(
      {
        command: [`cd {out} && '${process.execPath}' '${file}' > log.txt; cat log.txt | tail -n 1`],
        shell: true,
        metrics: parseMetrics('regex:epoch (?<epoch>\\d+) mAP50: (?<mAP50>\\S+)'),
        hypKeys: [],
        epochs: 3,
        imagePx: 1,
      },
      cpu,
    )
    const reports: EpochReport[] = []
    const job = { trial: 0, attempt: 1, hyp, seed: 0 }
    const outcome = await trainer.train(job, (report) => reports.push(report), new AbortController().signal)
    expect(outcome).toEqual({ state: 'complete', metrics: { mAP50: 0.3 } })
    expect(reports).toEqual([{ epoch: 3, metrics: { mAP50: 0.3 } }])
  })

  it('may write a table, which is read while it trains', async () => {
    const stop = new AbortController()
    const script = `
      import { appendFileSync } from 'node:fs'
      const file = process.env.HYPEVOLVE_OUT + '/results.csv'
      appendFileSync(file, ' epoch, metrics/mAP50(B)\\n')
      let epoch = 0
      setInterval(() => { if (epoch < 2) appendFileSync(file, \`\${epoch}, 0.\${epoch++}\\n\`) }, 100)`
    const { outcome, reports } = await train(script, {
      metrics: parseMetrics('csv:results.csv:mAP50=metrics/mAP50(B)'),
      signal: stop.signal,
      onEpoch: ({ epoch }) => epoch === 2 && stop.abort(),
    })
    expect(outcome).toEqual({ state: 'interrupted' })
    expect(reports).toEqual([
      { epoch: 1, metrics: { mAP50: 0 } },
      { epoch: 2, metrics: { mAP50: 0.1 } },
    ])
  })

  it('needs no folder', async () => {
    const trainer = commandTrainer(
      { command: ['sh', '-c', 'cat "$HYPEVOLVE_HYP" >&2; echo "{\\"x\\": 2}"'], hypKeys: [], epochs: 1, imagePx: 1 },
      cpu,
    )
    const job = { trial: 0, attempt: 1, hyp, seed: 0 }
    const outcome = await trainer.train(job, () => {}, new AbortController().signal)
    expect(outcome).toEqual({ state: 'complete', metrics: { x: 2 } })
  })

  it('may print whatever it likes besides', async () => {
    const script = `
      process.stdout.write('\\u001b[32mÜbung 🚀\\u001b[0m\\n{"epoch": 1, "broken": \\n{"kind": "text"}\\n{}\\n[1]\\n')
      process.stdout.write(' 10%|#   |\\r100%|####|\\r\\n')
      process.stdout.write('{"mAP50": 0.1, "pad": "' + 'x'.repeat(1e6) + '"}\\n')   // too long for metrics
      process.stdout.write(Buffer.from([0xff, 0xfe, 0x0a, 0x00, 0x0a]))
      process.stdout.write('{"epoch": 2, "mAP50": NaN, "klasse/Bär": 0.5}')            // no line end`
    const { outcome, reports, log } = await train(script)
    expect(outcome).toEqual({ state: 'complete', metrics: { mAP50: Number.NaN, 'klasse/Bär': 0.5 } })
    expect(reports.map(({ epoch }) => epoch)).toEqual([2])
    expect(log).toContain('Übung 🚀')
  })

  it('may flood us', async () => {
    const script = `
      import { writeSync } from 'node:fs'
      const block = Buffer.alloc(1 << 20, 'noise noise noise\\n')
      for (let i = 0; i < 100; i++) for (let at = 0; at < block.length; )
        try { at += writeSync(1 + (i & 1), block, at) } catch (error) { if (error.code !== 'EAGAIN') throw error }
      console.log('\\n{"x": 3}')`
    const { outcome, directory } = await train(script)
    expect(outcome).toEqual({ state: 'complete', metrics: { x: 3 } })
    expect(statSync(join(directory, 'train.log')).size).toBeLessThan(20 * 2 ** 20)
  })
})

describe('a program that does not', () => {
  const failed = async (script: string, options: Parameters<typeof train>[1] = {}) => {
    const { outcome, log } = await train(script, options)
    if (outcome.state !== 'failed') throw new Error(JSON.stringify(outcome))
    expect(log).toContain(`failed (${outcome.failure})`)
    return outcome
  }

  it('crashes', async () => {
    const { failure, output } = await failed('console.log("{\\"mAP50\\": 0.9}"); throw new Error("no luck")')
    expect(failure).toBe('crash')
    expect(output.join('\n')).toMatch(/Error: no luck[\s\S]*Exit code 1\.$/)
  })

  it('is killed from outside, with or without a shell in between', async () => {
    expect((await failed('#!/bin/sh\nkill -9 $$')).failure).toBe('out-of-memory')
    expect((await failed('#!/bin/sh\nsh -c "kill -9 \\$\\$"; exit $?')).failure).toBe('out-of-memory')
  })

  it('runs out of memory of its own', async () => {
    const script = `const all = []; for (;;) all.push(new Array(1e6).fill({}).map((_, i) => ({ i })))`
    const { failure, output } = await failed(
      `import { spawnSync } from 'node:child_process'
       const { status, signal } = spawnSync(process.execPath, ['--max-old-space-size=40', '-e', ${JSON.stringify(script)}], { stdio: 'inherit' })
       process.exit(status ?? 134)`,
    )
    expect(failure).toBe('out-of-memory')
    expect(output.join('\n')).toContain('heap out of memory')
  })

  it('takes more memory than it may, in a child', { timeout: 30_000 }, async () => {
    const hold = 'const b = Buffer.alloc(400e6, 1); setTimeout(() => b, 1e6)'
    const { failure, output } = await failed(`#!/bin/sh\n"${process.execPath}" -e '${hold}' & wait`, {
      memoryBytes: 300e6,
    })
    expect(failure).toBe('out-of-memory')
    expect(output.at(-1)).toContain('memory')
  })

  it('falls silent', async () => {
    const began = Date.now()
    const script = `
      let n = 0
      const timer = setInterval(() => { console.error('still here', n); if (++n === 8) clearInterval(timer) }, 200)
      setInterval(() => {}, 1000)`
    const { failure, output } = await failed(script, { hangMs: 900 })
    expect(failure).toBe('hang')
    expect(output).toContain('still here 7')
    expect(output.at(-1)).toContain('--hang-timeout')
    expect(Date.now() - began).toBeGreaterThan(2400)
  })

  it('takes too long, and its family with it', async () => {
    const file = join(temporaryFolder(), 'pid')
    const script = `#!/bin/sh\nsh -c 'echo $$ > ${file}; trap "" TERM; while true; do sleep 0.1; done' &\nwhile true; do echo x; sleep 0.1; done`
    const { failure } = await failed(script, { timeoutMs: 700, graceMs: 500 })
    expect(failure).toBe('time-out')
    const child = Number(readFileSync(file, 'utf8'))
    await until(() => !isRunning(child), 2000)
  })

  it('is stopped by a signal (SIGSTOP)', async () => {
    const { failure } = await failed('#!/bin/sh\necho on; kill -STOP $$', { hangMs: 500, graceMs: 500 })
    expect(failure).toBe('hang')
  })

  it('says nothing, or not what is expected', async () => {
    const silent = await failed('')
    expect(silent).toMatchObject({ failure: 'bad-configuration' })
    expect(silent.output.at(-1)).toContain('said nothing about its metrics')
    const broken = await failed(`console.log("{'epoch': 1, 'mAP50': 0.5}")`)
    expect(broken.output.at(-1)).toContain("cannot be read: {'epoch': 1, 'mAP50': 0.5}")
    expect((await failed('console.log("{\\"epoch\\": 3}")')).failure).toBe('bad-configuration')
  })

  it('complains about its arguments', async () => {
    const script = '#!/bin/sh\necho "usage: train.py [-h]\ntrain.py: error: unrecognized arguments: --imgz" >&2; exit 2'
    expect((await failed(script)).failure).toBe('bad-configuration')
  })

  it('is not even begun if its command makes no sense', () => {
    const options = { hypKeys: ['lr0'], epochs: 1, imagePx: 1 }
    expect(() => commandTrainer({ ...options, command: ['node', '{hpy}'] }, cpu)).toThrow(CommandPlaceholderError)
    expect(() => commandTrainer({ ...options, command: ['no-such-program'] }, cpu)).toThrow(CommandNotFoundError)
  })
})

describe('an interruption', () => {
  it('lets the program save and leave', async () => {
    const stop = new AbortController()
    const script = `
      import { writeFileSync } from 'node:fs'
      process.on('SIGTERM', () => { writeFileSync(process.argv[2] + '/saved', 'yes'); process.exit(0) })
      console.log('{"epoch": 1, "x": 1}')
      setInterval(() => {}, 1000)`
    const { outcome, directory, log } = await train(script, {
      words: ['{out}'],
      signal: stop.signal,
      onEpoch: () => stop.abort(),
    })
    expect(outcome).toEqual({ state: 'interrupted' })
    expect(readFileSync(join(directory, 'out', 'saved'), 'utf8')).toBe('yes')
    expect(log.endsWith('[hypevolve] interrupted\n')).toBe(true)
  })

  it('kills one that does not leave', async () => {
    const stop = new AbortController()
    const began = Date.now()
    const script = `process.on('SIGTERM', () => {}); console.log('{"epoch": 1}'); setInterval(() => {}, 1000)`
    const { outcome } = await train(script, { signal: stop.signal, graceMs: 400, onEpoch: () => stop.abort() })
    expect(outcome).toEqual({ state: 'interrupted' })
    expect(Date.now() - began).toBeLessThan(5000)
  })

  it('before the start starts nothing', async () => {
    expect((await train('console.log("{\\"x\\": 1}")', { signal: AbortSignal.abort() })).outcome).toEqual({
      state: 'interrupted',
    })
  })

  it('by force comes at once', async () => {
    const trainer = commandTrainer({ command: ['sleep', '1000'], hypKeys: [], epochs: 1, imagePx: 1 }, cpu)
    const training = trainer.train({ trial: 0, attempt: 1, hyp, seed: 0 }, () => {}, new AbortController().signal)
    while (trainer.pid === undefined) await delay(10)
    trainer.kill()
    expect(await training).toMatchObject({ state: 'failed' })
    expect(trainer.pid).toBeUndefined()
  })
})

describe('a training of another length', () => {
  const echo = `
    import { readFileSync } from 'node:fs'
    const epochs = Number(process.env.HYPEVOLVE_EPOCHS)
    const file = readFileSync(process.env.HYPEVOLVE_HYP, 'utf8')
    console.error(JSON.stringify([process.argv.slice(2), file, process.env.HYPEVOLVE_HYP_JSON]))
    for (let epoch = 1; epoch <= epochs; epoch++) console.log(JSON.stringify({ epoch, epochs, x: 1 }))`
  const hypWithWarmup = { lr0: 0.01, warmup_epochs: 3 }
  const said = (log: string) => JSON.parse(log.split('\n').find((line) => line.startsWith('[['))!)
  const third = { epochs: 12, full: 36 }

  it('is told its epochs, and a warm-up in proportion; the hyp of the trial stays as it is', async () => {
    const words = ['{epochs}', '{hyp.warmup_epochs}', '{hyp}']
    const job = { hyp: hypWithWarmup, length: third }
    const hypKeys = Object.keys(hypWithWarmup)
    const { log, reports, directory } = await train(echo, { words, job, epochs: 36, hypKeys })
    expect(said(log)).toEqual([
      ['12', '1', join(directory, 'hyp-short.yaml')],
      'lr0: 0.01\nwarmup_epochs: 1.0\n',
      '{"lr0":0.01,"warmup_epochs":1}',
    ])
    expect(readFileSync(join(directory, 'hyp.yaml'), 'utf8')).toBe('lr0: 0.01\nwarmup_epochs: 3.0\n')
    expect(reports.map(({ epoch, epochs }) => [epoch, epochs])).toEqual(
      Array.from({ length: 12 }, (_, i) => [i + 1, 12]),
    )
  })

  it('has a whole warm-up where its program takes no other', async () => {
    const job = { hyp: hypWithWarmup, length: { epochs: 4, full: 36 } }
    expect(said((await train(echo, { words: ['{epochs}'], job })).log)[1]).toContain('warmup_epochs: 0.33333\n')
    const whole = { words: ['{epochs}'], job, wholeKeys: ['warmup_epochs'] }
    expect(said((await train(echo, whole)).log)[1]).toContain('warmup_epochs: 0.0\n')
  })

  it('is a training as ever at full length', async () => {
    const job = { hyp: hypWithWarmup, length: { epochs: 5, full: 5 } }
    const { log, directory } = await train(echo, { words: ['{epochs}'], job })
    expect(said(log)).toEqual([['5'], 'lr0: 0.01\nwarmup_epochs: 3.0\n', '{"lr0":0.01,"warmup_epochs":3}'])
    expect(existsSync(join(directory, 'hyp-short.yaml'))).toBe(false)
  })

  it('works for a line of the shell', async () => {
    const script = writeText(join(temporaryFolder(), 'train.mjs'), echo)
    const command = [`${process.execPath} ${script} "$HYPEVOLVE_EPOCHS" {hyp.warmup_epochs}`]
    const options = { command, shell: true, hypKeys: Object.keys(hypWithWarmup), epochs: 36, imagePx: 320 }
    const trainer = commandTrainer(options, cpu)
    onTestFinished(() => trainer.close())
    const directory = temporaryFolder()
    const job = { trial: 0, attempt: 1, hyp: hypWithWarmup, seed: 7, length: third, directory }
    const outcome = await trainer.train(job, () => {}, new AbortController().signal)
    expect(outcome).toEqual({ state: 'complete', metrics: { x: 1 } })
    expect(said(readFileSync(join(directory, 'train.log'), 'utf8'))[0]).toEqual(['12', '1'])
  })

  it('fails with what to do if the command takes no number of epochs', async () => {
    const { outcome, log } = await train('console.log(`{"x": 1}`)', { job: { length: { epochs: 2, full: 5 } } })
    expect(outcome).toMatchObject({ state: 'failed', failure: 'bad-configuration' })
    expect(JSON.stringify(outcome)).toContain(
      'The command has no {epochs}, so it cannot be asked for 2 epochs instead of 5.',
    )
    expect(log).toBe('')
    const full = await train('console.log(`{"x": 1}`)', { job: { length: { epochs: 5, full: 5 } } })
    expect(full.outcome).toMatchObject({ state: 'complete' })
  })
})

describe('what a command can do', () => {
  const traits = (...command: string[]) => {
    const { anyLength, seeded } = commandTraits({ command })
    return [anyLength, seeded]
  }

  it('is seen by its placeholders, or by the variables in a line for the shell', () => {
    expect(traits('python', 'train.py', '{hyp}')).toEqual([false, false])
    expect(traits('python', 'train.py', '--epochs={epochs}')).toEqual([true, false])
    expect(traits('python', 'train.py', '{{epochs}}', '{seed}')).toEqual([false, true])
    expect(traits('cd x && python train.py --epochs $HYPEVOLVE_EPOCHS --seed "$HYPEVOLVE_SEED"')).toEqual([true, true])
    expect(traits('echo $HYPEVOLVE_EPOCHSX')).toEqual([false, false])
  })

  it('is seen in a script that it names', () => {
    const script = writeText(join(temporaryFolder(), 'train.sh'), 'train --n "$HYPEVOLVE_EPOCHS"\n')
    expect(traits('bash', script)).toEqual([true, false])
    expect(traits(`cd / && bash '${script}' | tee log`)).toEqual([true, false])
    const large = writeText(join(temporaryFolder(), 'weights.pt'), `HYPEVOLVE_EPOCHS${' '.repeat(2 ** 20)}`)
    expect(traits('bash', large, temporaryFolder())).toEqual([false, false])
  })

  it('says the warm-up of a hyp', () => {
    const { warmupEpochs } = commandTraits({ command: [] })
    expect([warmupEpochs({ warmup_epochs: 2.5 }), warmupEpochs({}), warmupEpochs({ warmup_epochs: 'x' })]).toEqual([
      2.5, 0, 0,
    ])
  })
})
