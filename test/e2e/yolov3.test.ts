// How often the releases of YOLOv3 train per start, with a training that takes a moment and reports a formula.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { cli, scratch } from './helpers.ts'

const training = fileURLToPath(new URL('../soak/training.mjs', import.meta.url))

it('a bare --evolve of a replay makes one training per start, and the same command one more', async () => {
  const { folder, remove } = scratch()
  const flags = '--cfg yolov3-tiny.cfg --epochs 1 --release yolov3-2020-01 --evolve --trainer command'
  const program = [process.execPath, training, '1', '2', '{out}', '{hyp}', '{epochs}', '{trial}', '{attempt}']
  try {
    for (const rows of [1, 2]) {
      const { status, stdout, stderr } = await cli(['train', ...flags.split(' '), '--', ...program], folder)
      expect(status, stdout + stderr).toBe(0)
      expect(stdout).toMatch(/One training per start, as yolov3-2020-01 has it: .*--evolve 300 makes 300 in all\./)
      expect(readFileSync(join(folder, 'evolve.txt'), 'utf8').trim().split('\n')).toHaveLength(rows)
    }
  } finally {
    remove()
  }
})
