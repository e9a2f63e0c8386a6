import { join } from 'node:path'
import { chdir, cwd } from 'node:process'
import { expect, it, onTestFinished } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { parseDatasetYaml, readDatasetYaml } from './dataset-yaml.ts'

/** A folder with images/train and images/val. */
function folder(): string {
  const root = temporaryFolder()
  for (const split of ['train', 'val', 'more']) writeText(join(root, `images/${split}/.keep`), '')
  return root
}
const read = (root: string, text: string) => readDatasetYaml(writeText(join(root, 'data.yaml'), text))

it('resolves entries against the folder of the yaml', () => {
  const root = folder()
  const definition = read(root, 'train: images/train\nval: [images/val, images/more]\nnc: 2\nnames: [a, b]\n')
  expect(definition).toEqual({
    file: join(root, 'data.yaml'),
    root,
    train: [join(root, 'images/train')],
    val: [join(root, 'images/val'), join(root, 'images/more')],
    test: [],
    names: ['a', 'b'],
    notes: [],
  })
})

it('reads a byte order mark, Windows line ends and names as a map', () => {
  const root = folder()
  const text = '\uFEFFpath: .\r\ntrain: images/train\r\nval: images/val\r\nnames:\r\n  0: größer\r\n  1: 小\r\n'
  expect(read(root, text).names).toEqual(['größer', '小'])
})

it('takes path relative to the current folder if it is not below the yaml', () => {
  const root = folder()
  const yaml = writeText(join(root, 'yamls/data.yaml'), 'path: images\ntrain: train\nval: val\nnames: [a]\n')
  const before = cwd()
  onTestFinished(() => chdir(before))
  chdir(root)
  expect(readDatasetYaml(yaml).root).toBe(join(cwd(), 'images'))
})

it('drops a leading ../ where that helps, as v7.0 does', () => {
  const root = folder()
  expect(read(root, 'train: ../images/train\nval: ../images/val\nnames: [a]\n').train).toEqual([
    join(root, 'images/train'),
  ])
})

it.each([
  ['rm -rf /', true],
  ['|\n  import os\n  os.remove("x.zip")', true],
  ['bash data/scripts/get.sh https://example.com/a.zip', true],
  ['file:///etc/a.zip', true],
  ['https://example.com/a.exe', true],
  ['[https://example.com/a.zip, rm -rf /]', true],
  ['[{url: https://example.com/a.zip, into: ../elsewhere}]', true],
  ['https://example.com/a.zip', false],
  ['[https://example.com/a.tar.gz, {url: https://example.com/b.zip, into: images}]', false],
])('says that a download entry is never executed: %s', (download, isScript) => {
  const root = temporaryFolder()
  const text = `train: images/train\nval: images/val\nnames: [a]\ndownload: ${download}\n`
  const problem = 'nothing in a data set file is ever executed'
  expect(() => read(root, text)).toThrow(isScript ? problem : /put the images there\.$/)
})

it('names classes itself if there is only nc', () => {
  const definition = read(folder(), 'train: images/train\nval: images/val\nnc: 2\n')
  expect(definition.names).toEqual(['class0', 'class1'])
  expect(definition.notes).toHaveLength(1)
})

it('names the entry that is not there, and where it looked', () => {
  const root = folder()
  const text = 'path: .\ntrain: images/train\nval: images/vall\nnames: [a]\n'
  const file = join(root, 'data.yaml')
  expect(() => read(root, text)).toThrow(expect.objectContaining({ code: 'DATASET_PATH_MISSING', file, key: 'val' }))
  expect(() => read(root, text)).toThrow(join(root, 'images/vall'))
})

it.each([
  ['train: [', /not valid yaml/],
  ['just a text', /keys train, val and names/],
  ['val: images/val\nnames: [a]', /"train" is missing/],
  ['train: images/train\nnames: [a]', /"val" is missing/],
  ['train: images/train\nval: images/val', /"names" is missing/],
  ['train: images/train\nval: images/val\nnames: []', /"names" is empty/],
  ['train: images/train\nval: images/val\nnames: cat', /must be a list/],
  ['train: images/train\nval: images/val\nnames: {0: a, 2: b}', /1 is missing/],
  ['train: images/train\nval: images/val\nnc: 3\nnames: [a, b]', /"nc" is 3, but "names" has 2/],
  ['train: images/train\nval: images/val\nnc: many\nnames: [a]', /"nc: "many""/],
  ['train: images/train\nval: images/val\nnc: 1000000000', /whole number from 1 to 65536/],
  ['train: {a: b}\nval: images/val\nnames: [a]', /"train" must be a path or a list/],
  ['path: [x]\ntrain: images/train\nval: images/val\nnames: [a]', /"path" must be a text/],
])('refuses %j', (text, message) => {
  const root = folder()
  expect(() => parseDatasetYaml(text, join(root, 'data.yaml'))).toThrow(message)
  expect(() => parseDatasetYaml(text, join(root, 'data.yaml'))).toThrow(
    expect.objectContaining({ code: 'DATASET_FILE_INVALID' }),
  )
})

it('says when there is no such file', () => {
  expect(() => readDatasetYaml('/nowhere/data.yaml')).toThrow(
    '/nowhere/data.yaml is no usable data set file: there is no such file.',
  )
})
