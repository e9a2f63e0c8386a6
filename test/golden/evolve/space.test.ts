// Gains and bounds of every release, and the hyps that they ship.
// biome-ignore-all lint/suspicious/noExplicitAny: reference data is json of many shapes
import { expect, it } from 'vitest'
import {
  findRelease,
  type Release,
  rangeTables,
  releaseSpace,
  releases,
  type SearchSpace,
} from '../../../src/search/index.ts'
import { golden, readReferenceJson } from '../reference.ts'

/** Releases of 2018 and 2019 that do not evolve have no gains of any kind. */
const tables = () =>
  Object.entries<any>(readReferenceJson('evolve/meta.json')).filter(
    ([, each]) => each.meta || each.legacy_gains || each.legacy_sigmas,
  )

golden('evolve/meta.json', 'gains and bounds', tables, (cases) => {
  for (const [name, { meta, legacy_gains, legacy_limits, legacy_limit_keys, legacy_sigmas }] of cases)
    it(name, () => {
      const release: Release = releases[findRelease(name)]
      const ours = Object.entries(rangeTables[release.ranges])
      if (meta) {
        const rows = Array.isArray(meta)
          ? meta.map(({ name: key, gain, low, high }: any) => [key, gain, low, high])
          : Object.entries<any>(meta).map(([key, row]) => [key, ...row])
        const expected = rows.map(([key, gain, lower, upper]: any[]) => [key, { gain: Number(gain), lower, upper }])
        expect(ours).toEqual(expected)
        return
      }
      // before yolov5 v3.0 gains (or deviations) stand in the order of the hyp, limits with some keys
      expect(ours.map(([, range]) => range.gain)).toEqual(legacy_gains ?? legacy_sigmas)
      const limits = legacy_limit_keys.map((key: string, i: number) => [key, ...legacy_limits[i]])
      const found = ours.flatMap(([key, { lower, upper }]) => (lower === undefined ? [] : [[key, lower, upper]]))
      expect(found.sort()).toEqual(limits.sort())
    })
})

const shipped = () =>
  Object.entries<any>(readReferenceJson('evolve/hyps.json')).flatMap(([name, { files }]) =>
    Object.entries<any>(files).flatMap(([file, hyp]) => (evolves(name) ? [{ name, file, hyp }] : [])),
  )

const evolves = (name: string) => {
  try {
    return Boolean(findRelease(name))
  } catch {
    return false
  }
}

golden('evolve/hyps.json', 'hyps shipped with the releases', shipped, (cases) => {
  it('make a space with their release that starts within its bounds, in each of the three states of anchors', () => {
    for (const { name, file, hyp: all } of cases) {
      const label = `${name} ${file}`
      const { optimizer: _text, ...hyp } = all // yolov5 v2.0 has the text SGD among its numbers
      const release = findRelease(name)
      const space = releaseSpace(hyp, { release, source: file })
      const { anchors } = releases[release]
      const added = anchors === 'none' || 'anchors' in hyp ? [] : ['anchors']
      expect([label, [...space.keys].sort()]).toEqual([label, [...Object.keys(hyp), ...added].sort()])
      expect(startWithin(space)).toBe(true)
      const fixed = releaseSpace(hyp, { release, fixed: ['anchors'].filter(() => anchors !== 'none') })
      expect([label, fixed.keys.includes('anchors')]).toEqual([label, 'anchors' in hyp])
      const off = releaseSpace(hyp, { release, noAutoAnchor: true })
      expect([label, off.keys.includes('anchors')]).toEqual([label, false])
    }
  })
})

const startWithin = (space: SearchSpace) =>
  space.parameters.every((parameter, i) => {
    if (parameter.kind !== 'range') return false
    const value = space.start[space.keys[i]] as number
    return value >= (parameter.lower ?? -Infinity) && value <= (parameter.upper ?? Infinity)
  })
