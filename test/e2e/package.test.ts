// The npm package: packed, installed into an empty folder, used from there.
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { scratch } from './helpers.ts'

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

const inProject = (command: string, ...words: string[]) =>
  spawnSync(command, words, {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, HYPEVOLVE_CACHE: join(place.folder, 'cache') },
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

  it('loads no native module for a program that only searches', () => {
    const { status, stdout, stderr } = program(`
      import { MemoryStorage, SearchSpace, Study } from 'hypevolve'
      const space = new SearchSpace({ x: 0.5 }, { x: { gain: 1, lower: 0, upper: 1 } })
      const study = await Study.open({ space, storage: new MemoryStorage(), seed: 1 })
      for (let i = 0; i < 20; i++) {
        const trial = await study.ask()
        await study.tell(trial, -Math.abs(trial.hyp.x - 0.3))
      }
      const best = await study.incumbent()
      const native = process.report.getReport().sharedObjects.filter((file) => file.endsWith('.node'))
      console.log(JSON.stringify({ trials: (await study.trials()).length, good: best.fitness > -0.2, native }))
    `)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ trials: 20, good: true, native: [] })
    expect(status).toBe(0)
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
