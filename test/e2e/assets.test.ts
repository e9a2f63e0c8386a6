// Known names in an empty folder: the tutorial's first line, with weights and images from a server on this machine.
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { expect, it, onTestFinished } from 'vitest'
import { writeZip } from '../../src/detect/archive/zip.ts'
import { exportPt, loadModel } from '../../src/detect/index.ts'
import { initialWeights } from '../../src/detect/model/initial-weights.ts'
import { assetServer } from '../helpers/asset-server.ts'
import { cacheEnv, pathEnv, scratch, start, waitFor } from './helpers.ts'

const limitMs = 300_000

function project(url: string) {
  const place = scratch()
  onTestFinished(place.remove)
  const work = join(place.folder, 'work')
  mkdirSync(work)
  const env = {
    ...{ HTTP_PROXY: '', http_proxy: '', HYPEVOLVE_OFFLINE: '', HYPEVOLVE_ASSETS_URL: url },
    ...cacheEnv(place.folder),
    ...pathEnv(place.folder),
  }
  return { folder: place.folder, work, env, run: (line: string) => start('sh', ['-c', line], work, env) }
}

/** 128 images with one to three labels each; every one of the 80 classes occurs. */
async function coco128(): Promise<Uint8Array> {
  const files: [string, Uint8Array][] = []
  for (let index = 0; index < 128; index++) {
    const id = String(index).padStart(12, '0')
    const background = { r: (index * 37) % 256, g: (index * 59) % 256, b: (index * 83) % 256 }
    const image = await sharp({ create: { width: 96, height: 72, channels: 3, background } })
      .jpeg()
      .toBuffer()
    const labels = Array.from(
      { length: 1 + (index % 3) },
      (_, i) => `${(index + 40 * i) % 80} 0.5 0.${4 + i} 0.4 0.3\n`,
    )
    files.push(
      [`coco128/images/train2017/${id}.jpg`, image],
      [`coco128/labels/train2017/${id}.txt`, Buffer.from(labels.join(''))],
    )
  }
  return writeZip([...files, ['coco128/README.txt', Buffer.from('made by a test')]])
}

/** As large as the released one, its numbers by chance. */
function yolov5s(): Uint8Array {
  const definition = loadModel('yolov5s.yaml', { classes: 80 })
  const names = Array.from({ length: 80 }, (_, index) => `class${index}`)
  return exportPt({ definition, weights: initialWeights(definition, 1), names, imagePx: 640 })
}

it(
  'the first lines of the tutorial run in an empty folder, over a connection that breaks',
  async () => {
    const weights = yolov5s()
    expect(weights.length).toBeGreaterThan(14e6)
    const server = await assetServer({ 'yolov5s.pt': weights, 'coco128.zip': await coco128() })
    server.faults.set('yolov5s.pt', [{ breakAfter: 5_000_000 }])
    server.faults.set('coco128.zip', [{ breakAfter: 20_000 }])
    const { folder, work, run } = project(server.url)
    const line =
      'hypevolve train --epochs 1 --data coco128.yaml --weights yolov5s.pt --cache --imgsz 64 --threads 1 --workers 1 --noplots'
    const { status, stdout, stderr } = await run(line).finished
    expect(status, stdout + stderr).toBe(0)
    expect(stdout).toContain(
      `Fetching yolov5s.pt (${(weights.length / 1e6).toFixed(1)} MB) from ${server.url}/yolov5s.pt`,
    )
    expect(stdout).toMatch(/Fetching coco128\.zip .*\n[\s\S]*coco128\.zip unpacked into/)
    expect(stdout).toContain('AGPL-3.0')
    expect(stdout).toContain('128 images to train on, 128 to validate, 80 classes')
    expect(stdout).toMatch(/Transferred (\d+) of \1 tensors from yolov5s\.pt/)
    expect(
      server.requests
        .filter(({ headers }) => headers.range !== undefined)
        .map(({ path }) => path)
        .sort(),
    ).toEqual(['coco128.zip', 'yolov5s.pt'])
    expect(readdirSync(join(folder, 'datasets'))).toEqual(['coco128'])
    expect(readdirSync(work)).toEqual(['runs'])

    // From now on nobody needs to be asked.
    const before = server.requests.length
    const again = await run(`HYPEVOLVE_OFFLINE=1 ${line} --evolve 2`).finished
    expect(again.status, again.stdout + again.stderr).toBe(0)
    expect(again.stdout).not.toContain('Fetching')
    expect(readFileSync(join(work, 'runs/evolve/exp/evolve.csv'), 'utf8').trim().split('\n')).toHaveLength(3)
    expect(server.requests).toHaveLength(before)
  },
  limitMs,
)

it('offline, an empty folder is told what to do', async () => {
  const { run } = project('')
  const line = 'hypevolve train --epochs 1 --data coco128.yaml --weights yolov5s.pt'
  const { status, stderr } = await run(`HYPEVOLVE_OFFLINE=1 ${line}`).finished
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /yolov5s\.pt is not on this machine.*put it into the current folder, or at .*assets\/yolov5s\.pt/,
  )
})

const ensure = `import(${JSON.stringify(pathToFileURL(fileURLToPath(new URL('../../dist/detect/index.js', import.meta.url))).href)})
  .then(({ ensureWeights }) => ensureWeights('yolov5s.pt', { onEvent: (event) => console.log(event.text ?? event.done) }))
  .then((path) => console.log('at', path))`

it('four processes fetch once; if the one that fetches is killed, another goes on', async () => {
  const weights = new Uint8Array(4_000_000).map((_, i) => (i * i) >> 5)
  const server = await assetServer({ 'yolov5s.pt': weights })
  server.faults.set('yolov5s.pt', [{ slowMs: 100, pieces: 1000 }])
  const { folder, work, env } = project(server.url)
  const begin = () => start(process.execPath, ['-e', ensure], work, env)
  const first = begin()
  const part = join(folder, 'cache/assets/yolov5s.pt.part')
  await waitFor(() => (statSync(part, { throwIfNoEntry: false })?.size ?? 0) > 10_000, 'some bytes')
  const others = [begin(), begin(), begin()]
  await Promise.all(others.map((other) => other.until(/Another process is fetching yolov5s\.pt/)))
  first.child.kill('SIGKILL')
  for (const { status, stdout } of await Promise.all(others.map(({ finished }) => finished))) {
    expect(status).toBe(0)
    expect(stdout).toContain('at ')
  }
  const [whole, rest, ...more] = server.requests.filter(({ path }) => path === 'yolov5s.pt')
  expect(whole!.headers.range).toBeUndefined()
  expect(rest!.headers.range).toMatch(/^bytes=[1-9]\d+-$/)
  expect(more).toEqual([])
  expect(readFileSync(join(folder, 'cache/assets/yolov5s.pt')).equals(weights)).toBe(true)
  expect(readdirSync(join(folder, 'cache/assets')).sort()).toEqual(['yolov5s.pt', 'yolov5s.pt.json'])
}, 60_000)
