import { expect, it } from 'vitest'
import { DataSplitError } from '../../base/index.ts'
import { groupOf } from './groups.ts'
import { type SplitImage, type SplitOptions, splitImages } from './split.ts'

const options: SplitOptions = { val: 0.2, test: 0.1, seed: 0, stratified: true }

/** 200 images: class 0 everywhere, 1 in a quarter, 2 in ten, every 20th without a label. */
const images: SplitImage[] = Array.from({ length: 200 }, (_, i) => ({
  path: `cam${i % 8}/${String(i).padStart(4, '0')}.jpg`,
  classes: i % 20 === 19 ? [] : [0, ...(i % 4 === 1 ? [1] : []), ...(i % 20 === 6 ? [2] : [])],
}))

const countsOf = (splits: readonly string[], of: (image: SplitImage) => boolean) =>
  ['train', 'val', 'test'].map((split) => images.filter((image, i) => splits[i] === split && of(image)).length)

it('gives every split its share of the images and of each class, the rare and the empty too', () => {
  const { splits } = splitImages(images, options)
  expect(countsOf(splits, () => true)).toEqual([140, 40, 20])
  expect(countsOf(splits, ({ classes }) => classes.includes(1))).toEqual([35, 10, 5])
  expect(countsOf(splits, ({ classes }) => classes.includes(2))).toEqual([7, 2, 1])
  expect(countsOf(splits, ({ classes }) => classes.length === 0)).toEqual([7, 2, 1])
})

it('by chance alone it keeps the shares of images, and repeats under one seed', () => {
  const plain = { ...options, stratified: false }
  const { splits } = splitImages(images, plain)
  expect(countsOf(splits, () => true)).toEqual([140, 40, 20])
  expect(splitImages(images, plain).splits).toEqual(splits)
  expect(splitImages(images, { ...plain, seed: 1 }).splits).not.toEqual(splits)
})

it('keeps groups together', () => {
  const result = splitImages(images, { ...options, val: 0.25, test: 0.125, groupBy: 'folder' })
  expect(result).toMatchObject({ groups: 8, ungrouped: 0 })
  const perFolder = new Map<string, Set<string>>()
  for (const [i, { path }] of images.entries()) {
    const folder = path.split('/')[0]!
    perFolder.set(folder, (perFolder.get(folder) ?? new Set()).add(result.splits[i]!))
  }
  expect([...perFolder.values()].every((splits) => splits.size === 1)).toBe(true)
  expect(countsOf(result.splits, () => true)).toEqual([125, 50, 25])
})

it('leaves no split empty, and says where that cannot be', () => {
  const few = images.slice(0, 3)
  expect([...splitImages(few, options).splits].sort()).toEqual(['test', 'train', 'val'])
  expect(() => splitImages(few.slice(1), options)).toThrow('there are 2 groups of images for 3 splits. Add images.')
  expect(() => splitImages(images.slice(0, 1), { ...options, groupBy: 'video' })).toThrow(DataSplitError)
  expect(() => splitImages(images, { ...options, val: 0.9 })).toThrow('leave nothing to train on')
})

it.each([
  ['clips/a_000123.jpg', 'video', 'clips/a'],
  ['clips/a-frame12.jpg', 'video', 'clips/a'],
  ['a.mp4_frame_00012.png', 'video', './a.mp4'],
  ['clips/a (12).jpg', 'video', 'clips/a'],
  ['clips/a/000123.jpg', 'video', 'clips/a'],
  ['clips/portrait.jpg', 'video', undefined],
  ['clips/a/1.jpg', 'folder', 'clips/a'],
  ['clips/x_jpg.rf.0a1b.jpg', /^(.+)_jpg\.rf\./, 'clips/x'],
  ['clips/x.jpg', /\d+/, undefined],
  ['cam12/x.jpg', /\d+/, '12'],
] as const)('%s by %s is of group %s', (path, rule, group) => {
  expect(groupOf(path, rule)).toBe(group)
})
