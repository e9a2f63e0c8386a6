// A coordinator of the kill tests: what the command line does, without its console. Says each result that is kept.
//   node coordinator.mjs STORAGE TRIALS SLOTS LEAST_MS MOST_MS
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { commandTrainer, localExecutor, parseKeep, planSlots, runTrials } from '../../dist/run/index.js'
import { samplers, yolov5Space } from '../../dist/search/index.js'
import { beginStudy, evolveFormats, openStorage, renderEvolveFiles, replaceFile } from '../../dist/study/index.js'

const [url, trials, jobs, leastMs, mostMs] = process.argv.slice(2)
const { loadHyp } = await import('../../dist/detect/index.js')
const space = yolov5Space({ ...loadHyp('scratch-low').hyp }, {})
const storage = await openStorage(url)
const definition = {
  seed: 1,
  space: space.toJSON(),
  sampler: { name: 'yolov5', options: samplers.yolov5.options.parse({}) },
  direction: 'maximize',
  fitness: '0.1*mAP50 + 0.9*mAP50to95',
  identity: { data: 'none' },
  settings: {},
}
const request = { definition, target: Number(trials), base: 'runs/evolve/exp', isTaken: existsSync }
const { study, message } = await beginStudy(storage, request)
console.log(message)
mkdirSync(study.name, { recursive: true })

const training = fileURLToPath(new URL('training.mjs', import.meta.url))
const command = [process.execPath, training, leastMs, mostMs, '{out}', '{hyp}', '{epochs}', '{trial}', '{attempt}']
const { slots } = planSlots({ device: 'cpu', jobs: Number(jobs), cores: 2, gpus: 'unknown' })
const hypKeys = Object.keys(space.start)
const executor = localExecutor(slots, (slot) => commandTrainer({ command, hypKeys, epochs: 3, imagePx: 64 }, slot))

const stop = new AbortController()
process.on('SIGINT', () => stop.abort())
const format = evolveFormats['yolov5-v7.0']
const writeFiles = () =>
  study.exclusive(async () => {
    await study.refresh()
    const files = renderEvolveFiles(format, { keys: hypKeys, trials: study.history.complete, ranking: 'trial' })
    for (const { name, text } of files) await replaceFile(join(study.name, name), text)
  })
const onComplete = async ({ number, attempt, fitness }) => {
  console.log(`kept ${study.name} ${number} ${attempt} ${fitness}`)
  await writeFiles()
}
const keep = parseKeep('none')
const summary = await runTrials({
  study,
  executor,
  folder: study.name,
  keep,
  signal: stop.signal,
  onComplete,
  pollMs: 500,
})
await writeFiles()
await executor.close()
await study.close()
await storage.close()
console.log(`ended: ${summary.ended}`)
process.exitCode = summary.ended === 'interrupted' ? 130 : 0
