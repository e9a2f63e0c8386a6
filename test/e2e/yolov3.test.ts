// Searches of YOLOv3's releases with a training that takes a moment and reports a formula.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { cli, scratch } from './helpers.ts'

const training = fileURLToPath(new URL('../soak/training.mjs', import.meta.url))
const program = [process.execPath, training, '1', '2', '{out}', '{hyp}', '{epochs}', '{trial}', '{attempt}']

let place: ReturnType<typeof scratch>
beforeEach(() => {
  place = scratch()
})
afterEach(() => place.remove())

/** Evolves, and gives back what it said and the rows of evolve.txt. */
async function evolve(flags: string): Promise<{ text: string; rows: string[] }> {
  const words = ['train', '--cfg', 'yolov3-tiny.cfg', '--epochs', '1', '--trainer', 'command', ...flags.split(' ')]
  const { status, stdout, stderr } = await cli([...words, '--', ...program], place.folder)
  expect(status, stdout + stderr).toBe(0)
  return { text: stdout, rows: readFileSync(join(place.folder, 'evolve.txt'), 'utf8').trim().split('\n') }
}

it('a bare --evolve of a replay makes one training per start, and the same command one more', async () => {
  for (const count of [1, 2]) {
    const { text, rows } = await evolve('--release yolov3-2020-01 --evolve')
    expect(text).toMatch(/One training per start, as yolov3-2020-01 has it: .*--evolve 300 makes 300 in all\./)
    expect(rows).toHaveLength(count)
  }
})

it('weighted parents and method 2 replay too', async () => {
  const { text, rows } = await evolve('--release yolov3-2020-01 --evolve 2 --parent weighted --method 2')
  expect(text).not.toMatch(/One training per start/)
  const [first, second, ...rest] = rows.map((row) => row.trim().split(/\s+/).map(Number).slice(-18))
  expect(rest).toEqual([])
  expect(first!.slice(0, 2)).toEqual([3.54, 37.4])
  expect(second).not.toEqual(first)
})
