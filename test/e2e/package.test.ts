// The npm package: packed, installed into an empty folder, used from there.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transformSync } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { cacheEnv, kill9, processesIn, scratch, start, tinyFlags, tinyProject, waitFor } from './helpers.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
let place: ReturnType<typeof scratch>
let project: string
let files: string[]

beforeAll(() => {
  place = scratch()
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', place.folder], {
    cwd: root,
    encoding: 'utf8',
  })
  const [{ filename, files: list }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }]
  files = list.map(({ path }) => path)
  project = join(place.folder, 'project')
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "private": true, "type": "module" }')
  // npm's cache has all parts since they were installed for this checkout; the registry is only a fallback.
  const install = (...more: string[]) =>
    spawnSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...more, join('..', filename)], {
      cwd: project,
      encoding: 'utf8',
    })
  if (install('--offline').status === 0) return
  const { status, stderr } = install()
  if (status !== 0) throw new Error(`the package does not install:\n${stderr}`)
}, 300_000)
afterAll(() => place.remove())

const env = () => cacheEnv(place.folder)
const inProject = (command: string, ...words: string[]) =>
  spawnSync(command, words, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, ...env() },
  })

/** Runs a program in the project. */
function program(text: string) {
  writeFileSync(join(project, 'program.js'), text)
  return inProject(process.execPath, 'program.js')
}

describe('the package', () => {
  it('has the program, its assets and documents, and nothing else', () => {
    for (const file of [
      'dist/index.js',
      'dist/index.d.ts',
      'dist/app/cli/main.js',
      'dist/detect/index.js',
      'dist/nn/index.js',
    ])
      expect(files).toContain(file)
    for (const file of ['README.md', 'LICENSE', 'NOTICE', 'CHANGELOG.md', 'package.json']) expect(files).toContain(file)
    for (const folder of ['assets/models/', 'assets/fonts/', 'assets/hyps/', 'assets/digits/'])
      expect(
        files.some((file) => file.startsWith(folder)),
        folder,
      ).toBe(true)
    expect(files.filter((file) => /^(src|test|bench|scripts|examples)\/|\.test\.|\.map$/.test(file))).toEqual([])
  })

  it('answers npx hypevolve', () => {
    const help = inProject('npx', '--no-install', 'hypevolve', '--help')
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toContain('train [options]')
    const doctor = inProject('npx', '--no-install', 'hypevolve', 'doctor', '--imgsz', '160')
    expect(doctor.stdout).toContain('installed package')
    expect(doctor.stdout).toContain('execution providers: cpu')
    expect(doctor.status, doctor.stdout + doctor.stderr).toBe(0)
  })

  it('runs the example of docs/library.md, and loads no native module for it', () => {
    const manual = readFileSync(join(project, 'node_modules/hypevolve/docs/library.md'), 'utf8')
    const [, example] = /```ts\n(import [\s\S]*?)```/.exec(manual)!
    const { status, stdout, stderr } = program(`
      const cost = ({ temperature, cooling }) => Math.abs(Math.log10(temperature / 30)) + Math.abs(cooling - 0.97)
      ${transformSync(example!, { loader: 'ts', format: 'esm' }).code}
      const { number, value } = study.best
      const native = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'))
      console.log(JSON.stringify({ found: number > 0 && value < 0.5, counts: await study.counts(), native }))
    `)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout.trim().split('\n').at(-1)!)).toEqual({
      found: true,
      counts: { waiting: 0, running: 0, complete: 300, pruned: 0, failed: 0 },
      native: [],
    })
    expect(status).toBe(0)
  })

  it('has types that follow from the space', () => {
    writeFileSync(
      join(project, 'program.ts'),
      `import { choice, createStudy, defineSpace, float } from 'hypevolve'
      const study = await createStudy({ space: defineSpace({ x: float(0, 1), mode: choice('a', 'b') }) })
      await study.optimize(({ hyp }) => {
        const mode: 'a' | 'b' = hyp.mode
        // @ts-expect-error there is no such mode
        const other: 'c' = hyp.mode
        return mode === 'a' ? hyp.x : Number(other)
      }, { trials: 1 })`,
    )
    const types = ['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node']
    const words = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types, 'program.ts']
    const { status, stdout } = inProject(process.execPath, join(root, 'node_modules/typescript/bin/tsc'), ...words)
    expect(stdout).toBe('')
    expect(status).toBe(0)
  })

  it('keeps a study in SQLite, which a second program continues', () => {
    const text = `
      import { createStudy, defineSpace, float } from 'hypevolve'
      const study = await createStudy({ space: defineSpace({ x: float(0, 1) }), storage: 'runs/mine.db', name: 'mine' })
      const { complete } = await study.counts()
      await study.optimize(({ hyp }) => hyp.x, { trials: complete + 5 })
      console.log((await study.counts()).complete)
      await study.close()`
    expect(program(text)).toMatchObject({ stdout: '5\n', stderr: '', status: 0 })
    expect(program(text)).toMatchObject({ stdout: '10\n', stderr: '', status: 0 })
  })

  it('trains and evolves, and goes on after everything was killed', async () => {
    await tinyProject(project)
    const npx = (...words: string[]) => inProject('npx', '--no-install', 'hypevolve', ...words)
    const words = ['train', ...tinyFlags, '--epochs', '1']
    const trained = npx(...words, '--noplots')
    expect(trained.status, trained.stdout + trained.stderr).toBe(0)

    const running = start(
      'npx',
      ['--no-install', 'hypevolve', ...words, '--evolve', '6', '--jobs', '2'],
      project,
      env(),
    )
    onTestFinished(() => processesIn(project).forEach(kill9))
    await running.until(/^trial \d+ complete/m)
    const own = processesIn(project)
    expect(own.length).toBeGreaterThan(1)
    own.forEach(kill9) // the power goes
    await running.finished
    await waitFor(() => processesIn(project).length === 0, 'the end of all processes', 20_000)

    const resumed = npx('resume')
    expect(resumed.stdout).toMatch(/continues runs\/evolve\/exp \(\d of 6 trainings' worth done\)/)
    expect(resumed.status, resumed.stdout + resumed.stderr).toBe(0)
    const trials = JSON.parse(npx('trials', '--json').stdout) as { number: number; state: string }[]
    expect(trials.map(({ number, state }) => `${number} ${state}`)).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => `${n} complete`),
    )
    expect(readFileSync(join(project, 'runs/evolve/exp/evolve.csv'), 'utf8').trim().split('\n')).toHaveLength(7)
    expect(npx('resume').status).toBe(1)
  })

  it('exports the detector and the engine, and loads ONNX Runtime only when it is used', () => {
    const { stdout, stderr } = program(`
      const detect = await import('hypevolve/detect')
      const nn = await import('hypevolve/nn')
      const native = process.report.getReport().sharedObjects.filter((file) => file.includes('onnxruntime'))
      console.log(typeof detect.train, typeof detect.loadHyp, typeof nn.Graph, native.length)
    `)
    expect(stdout + stderr).toBe('function function function 0\n')
  })
})
