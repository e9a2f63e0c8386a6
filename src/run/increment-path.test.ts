import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { incrementPath, latestPath } from './index.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

describe('incrementPath', () => {
  it('counts exp, exp2, exp3, and does not fill gaps', async () => {
    const path = join(folder, 'runs', 'evolve', 'exp')
    expect(await latestPath(path)).toBeUndefined()
    expect(await incrementPath(path)).toBe(path)
    expect(await incrementPath(path)).toBe(`${path}2`)
    mkdirSync(`${path}11`)
    mkdirSync(`${path}_old`)
    mkdirSync(`${path}012`)
    writeFileSync(`${path}12.txt`, '')
    expect(await latestPath(path)).toBe(`${path}11`)
    expect(await incrementPath(path)).toBe(`${path}12`)
  })

  it('takes the folder itself if that is wanted', async () => {
    const path = join(folder, 'exp')
    await incrementPath(path)
    expect(await incrementPath(`${path}/`, { existOk: true })).toBe(path)
    expect(await incrementPath(`${path}/`)).toBe(`${path}2`)
  })

  it('gives different folders to all who ask at once', async () => {
    const paths = await Promise.all(Array.from({ length: 8 }, () => incrementPath(join(folder, 'exp'))))
    expect(new Set(paths).size).toBe(8)
  })
})
