import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DatasetFileInvalidError, DatasetPathMissingError, HypevolveError } from '../../base/index.ts'
import { parseDarknetData } from './darknet-data.ts'
import { readDatasetYaml } from './dataset-yaml.ts'
import { listImages } from './image-list.ts'

/** A folder as the tutorials have it: data/voc.data with paths from above. */
function folder(
  data = 'classes= 2\ntrain  = data/train.txt\nvalid  = data/test.txt\nnames = data/voc.names\nbackup = backup/\n',
) {
  const root = mkdtempSync(join(tmpdir(), 'voc-'))
  mkdirSync(join(root, 'data'))
  mkdirSync(join(root, 'images'))
  for (const name of ['a', 'b', 'c']) writeFileSync(join(root, 'images', `${name}.jpg`), '')
  writeFileSync(join(root, 'data/train.txt'), 'images/a.jpg\nimages/b.jpg\n')
  writeFileSync(join(root, 'data/test.txt'), `${join(root, 'images/c.jpg')}\n`)
  writeFileSync(join(root, 'data/voc.names'), 'cat\r\nlarge dog\r\n\r\n')
  writeFileSync(join(root, 'data/voc.data'), data)
  return { root, file: join(root, 'data/voc.data') }
}

describe('a Darknet data set', () => {
  it('names its images and classes, wherever the program was started', () => {
    const { root, file } = folder()
    const definition = readDatasetYaml(file)
    expect(definition).toMatchObject({ root, names: ['cat', 'large dog'], test: [], notes: [] })
    expect(listImages(definition.train, definition.root)).toEqual(
      ['a', 'b'].map((name) => join(root, `images/${name}.jpg`)),
    )
    expect(listImages(definition.val, definition.root)).toEqual([join(root, 'images/c.jpg')])
  })

  it('says what is wrong', () => {
    const problem = (data: string) => () => readDatasetYaml(folder(data).file)
    expect(problem('train=data/train.txt\nvalid=data/test.txt\nclasses=3\nnames=data/voc.names')).toThrow(/3.*2 names/s)
    expect(problem('valid=data/test.txt\nclasses=2')).toThrow(/"train" is missing/)
    expect(problem('train=data/train.txt\nclasses=2')).toThrow(/"valid" is missing/)
    expect(problem('train=data/train.txt\nvalid=data/test.txt')).toThrow(/"names" is missing/)
    expect(problem('train=nowhere.txt\nvalid=data/test.txt\nclasses=2')).toThrow(DatasetPathMissingError)
    expect(problem('train: data/train.txt')).toThrow(DatasetFileInvalidError)
    expect(problem('train=data/train.txt\nvalid=data/test.txt\nclasses=many')).toThrow(/whole number/)
  })

  it('calls classes by number if there are no names', () => {
    const { names, notes } = readDatasetYaml(folder('train=data/train.txt\nvalid=data/test.txt\nclasses=2').file)
    expect(names).toEqual(['class0', 'class1'])
    expect(notes).toHaveLength(1)
  })

  it('refuses hostile text with errors of ours alone', () => {
    const line = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.constantFrom('train=.', 'valid=/', 'names=.', 'classes=1e9', 'train=\0', 'names=/dev/zero', '=', 'classes=2'),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          parseDarknetData(lines.join('\n'), '/nowhere/x.data')
        } catch (error) {
          expect(error).toBeInstanceOf(HypevolveError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
