// What the repository promises about its package and lock file.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

describe('package-lock.json', () => {
  it('names no host', () => {
    const packages = Object.values(JSON.parse(read('package-lock.json')).packages) as Record<string, unknown>[]
    expect(packages.length).toBeGreaterThan(50)
    expect(packages.filter((entry) => 'resolved' in entry)).toEqual([])
  })

  it('agrees with package.json', () => {
    const { dependencies, devDependencies, engines, version } = JSON.parse(read('package.json'))
    const root = JSON.parse(read('package-lock.json')).packages['']
    expect({ ...root.dependencies, ...root.devDependencies }).toEqual({ ...dependencies, ...devDependencies })
    expect({ engines: root.engines, version: root.version }).toEqual({ engines, version })
  })

  it('pins ONNX Runtime, whose internal operators the engine uses', () => {
    expect(JSON.parse(read('package.json')).dependencies['onnxruntime-node']).toMatch(/^\d+\.\d+\.\d+$/)
  })
})

describe('.npmrc', () => {
  it('runs no install scripts and writes no hosts', () => {
    expect(read('.npmrc').trim().split('\n').sort()).toEqual([
      'ignore-scripts=true',
      'omit-lockfile-registry-resolved=true',
    ])
  })
})
