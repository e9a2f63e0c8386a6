import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { labelPath, listImages } from './image-list.ts'

it('finds images below a folder, sorted, without hidden files and other kinds', () => {
  const root = temporaryFolder()
  for (const name of ['b/2.PNG', 'a.jpg', 'b/é.jpeg', 'b/ö/图.webp', '.hidden/c.jpg', '.d.jpg', 'notes.txt', 'x.gif'])
    writeText(join(root, name), '')
  expect(listImages([root], root)).toEqual(
    ['a.jpg', 'b/2.PNG', 'b/é.jpeg', 'b/ö/图.webp'].map((name) => join(root, name)),
  )
})

it('does not follow links in circles', () => {
  const root = temporaryFolder()
  writeText(join(root, 'a.jpg'), '')
  symlinkSync(root, join(root, 'again'))
  expect(listImages([root], root)).toEqual([join(root, 'a.jpg')])
})

it('reads text lists: relative to the list with ./, else to the data set, each image once', () => {
  const root = temporaryFolder()
  const list = writeText(
    join(root, 'lists/train.txt'),
    `\uFEFF./near.jpg\r\nimages/a.jpg\n\n${join(root, 'images/a.jpg')}\nno image\n`,
  )
  writeText(join(root, 'images/a.jpg'), '')
  expect(listImages([list], root)).toEqual([join(root, 'images/a.jpg'), join(root, 'lists/near.jpg')])
})

it('takes folders, lists and single images together', () => {
  const root = temporaryFolder()
  writeText(join(root, 'one/a.jpg'), '')
  writeText(join(root, 'two/b.jpg'), '')
  expect(listImages([join(root, 'two/b.jpg'), join(root, 'one')], root)).toHaveLength(2)
})

it('sorts by code point as Python does', () => {
  const root = temporaryFolder()
  for (const name of ['\u{1F600}.jpg', '\uFF21.jpg', 'z.jpg']) writeText(join(root, name), '')
  expect(listImages([root], root).map((path) => path.slice(root.length + 1))).toEqual([
    'z.jpg',
    '\uFF21.jpg',
    '\u{1F600}.jpg',
  ])
})

it.each([
  ['/data/images/train/a.jpg', '/data/labels/train/a.txt'],
  ['/images/x/images/a.b.png', '/images/x/labels/a.b.txt'],
  ['/data/pictures/a.jpg', '/data/pictures/a.txt'],
  ['/data/images/a', '/data/labels/a.txt'],
])('the labels of %s are in %s', (image, label) => expect(labelPath(image)).toBe(label))
