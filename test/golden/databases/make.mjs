// Makes a small database with the built package (npm run build): once per release whose tables changed. Old ones stay.
//   node test/golden/databases/make.mjs, then npm run format
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openStorage, Study, studyKey } from '../../../dist/study/index.js'

const here = (name) => fileURLToPath(new URL(name, import.meta.url))
const { version } = JSON.parse(readFileSync(here('../../../package.json'), 'utf8'))
const path = here(`${version}.db`)
if (existsSync(path)) throw new Error(`${path} is there already, and released databases do not change`)

let time = Date.parse('2024-05-01T12:00:00Z')
const storage = await openStorage(path, { clock: () => time })
const worker = { host: 'example', pid: 1234, startedAt: 'boot/pid:[1]/5678' }
const definition = {
  seed: 42,
  space: { parameters: [['lr0', { kind: 'float', lower: 0.001, upper: 0.1, start: 0.01 }]] },
  sampler: { name: 'yolov5', options: { mode: 'native' } },
  direction: 'maximize',
  fitness: '0.1*mAP50 + 0.9*mAP50to95',
  identity: { data: '/data/coco128.yaml', epochs: 10 },
  settings: { device: '0' },
}
const begun = await storage.begin(worker, () => ({
  create: {
    ...{ name: 'runs/evolve/exp', key: studyKey(definition), definition, target: 7 },
    trials: [
      { hyp: { lr0: 0.02 }, ending: { state: 'complete', fitness: 0.25, metrics: { mAP50: 0.7, mAP50to95: 0.2 } } },
    ],
  },
}))
const study = await Study.open(storage, begun.study, begun.worker)
const ask = async () => {
  time += 60_000
  return study.ask()
}
const complete = await ask()
await study.report(complete, 1, { mAP50: 0.5, boxLoss: Number.NaN })
await study.addArtifact(complete, 'weights', 'runs/evolve/exp/trials/1/last.safetensors')
await study.tell(complete, { mAP50: 0.75, mAP50to95: 0.5, clsLoss: Number.POSITIVE_INFINITY })
await study.fail(await ask(), { failure: 'diverged', output: ['loss is nan', 'é'] })
await study.prune(await ask(), { epochs: 2, metrics: { mAP50: 0.1, mAP50to95: 0.05 } })
await study.fail(await ask(), { failure: 'out-of-memory', output: ['Killed'], retry: true })
await ask() // again, and it stays in training
await study.release(await ask())
await storage.close()

const again = await openStorage(path)
const [record] = await again.studies()
const content = {
  ...{ studies: [record], workers: await again.workers(1), epochs: await again.epochs(1) },
  ...{ attempts: await again.attempts(1), artifacts: await again.artifacts(1) },
  trials: await (await Study.open(again, record)).trials(),
}
await again.close()
const text = (_, value) => (typeof value === 'number' && !Number.isFinite(value) ? String(value) : value)
writeFileSync(here(`${version}.json`), `${JSON.stringify(content, text, 2)}\n`)
