import { appendFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { OtherCodeError, runSearch, trialsOf } from '../../bench/reality/search.ts'
import { Interrupted, type Line, nameOf, type Settings, space, Trainings } from '../../bench/reality/trainings.ts'
import { temporaryFolder, writeDataset } from '../helpers/data-set.ts'

it('trains what a search wants, and looks up what it has trained when the search is run again', async () => {
  const settings: Settings = {
    ...{ data: await writeDataset(temporaryFolder()), imagePx: 32, epochs: 27, batchSize: 4, weights: '' },
  }
  const file = join(temporaryFolder(), 'results', 'trainings.jsonl')
  const search = { method: 'priorband', seed: 1, budget: 3.4, anew: false } as const

  const trainings = new Trainings(settings, file, new AbortController().signal)
  const seen: Line[] = []
  try {
    await runSearch(trainings, { ...search, onTrial: (line) => seen.push(line) })
    // the same hyp again with the same seed is known; it is no trial
    const known = await trainings.train(space.toHyp(seen[0]!.values), 27, 1, { again: true })
    expect(known).toEqual(seen[0])
  } finally {
    await trainings.close()
  }
  expect(seen.map(({ epochs }) => epochs).slice(0, 3)).toEqual([27, 9, 9])
  expect(seen.reduce((sum, { epochs }) => sum + epochs / 27, 0)).toBeLessThanOrEqual(3.4)
  expect(seen.every(({ fitness, seconds }) => fitness !== null && fitness >= 0 && seconds! > 0)).toBe(true)
  expect(trialsOf(trainings.lines, 'priorband/1')).toEqual(seen)
  expect(nameOf(settings)).toBe('yolov5n 32px 27ep b4 scratch')

  // With a signal that is aborted nothing can be trained any more.
  const before = readFileSync(file, 'utf8')
  appendFileSync(file, '{"settings":"yolov5n 32px') // of a process that was killed while it wrote
  const later = new Trainings(settings, file, AbortSignal.abort())
  const anew: Line[] = []
  const onTrial = (line: Line) => void anew.push(line)
  await runSearch(later, { ...search, onTrial })
  expect([anew, later.lines]).toEqual([[], seen])
  await expect(runSearch(later, { ...search, budget: 5, onTrial })).rejects.toThrow(Interrupted)
  expect(readFileSync(file, 'utf8').startsWith(before)).toBe(true)

  // Another search whose first training is the same: it is a line of its own, without the time.
  await expect(runSearch(later, { ...search, method: 'yolov5', onTrial })).rejects.toThrow(Interrupted)
  expect(anew).toMatchObject([{ run: 'yolov5/1', number: 0, fitness: seen[0]!.fitness }])
  expect(anew[0]).not.toHaveProperty('seconds')

  // What the search would not propose ends it.
  const { seconds: _, ...other } = seen[1]!
  appendFileSync(file, `${JSON.stringify({ ...other, epochs: 27 })}\n`)
  await expect(runSearch(later, { ...search, onTrial })).rejects.toThrow(OtherCodeError)
  // …unless it may go on from there: all of it is known
  await runSearch(later, { ...search, anew: true, onTrial })
  expect(trialsOf(later.lines, 'priorband/1').map(({ epochs }) => epochs)).toEqual(seen.map(({ epochs }) => epochs))
}, 240_000)
