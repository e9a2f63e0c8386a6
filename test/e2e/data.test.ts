// `hypevolve data …` as a process: from a folder of images to a checked data set that trains.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { expect, it, onTestFinished } from 'vitest'
import { writeImage, writeText } from '../helpers/data-set.ts'
import { cacheEnv, cli, scratch, tinyFlags, tinyProject } from './helpers.ts'

function project() {
  const place = scratch()
  onTestFinished(place.remove)
  const { folder } = place
  const run = (...words: string[]) => cli(['data', ...words], folder, cacheEnv(folder))
  return { folder, run }
}

/** `count` images with labels beside them, of two videos; class 1 is rare. */
async function mixedFolder(folder: string, count = 20) {
  for (let i = 0; i < count; i++) {
    const name = `${i % 2 === 0 ? 'clip' : 'tape'}_${String(i).padStart(3, '0')}`
    await writeImage(join(folder, `${name}.png`), 64, 48, i)
    writeText(join(folder, `${name}.txt`), `0 0.5 0.5 0.4 0.5\n${i % 10 === 0 ? '1 0.3 0.6 0.2 0.3\n' : ''}`)
  }
  writeText(join(folder, 'classes.txt'), 'cat\ndog\n')
}

it('init, split and check a folder; a training reads the result', async () => {
  const { folder, run } = project()
  await tinyProject(folder)
  mkdirSync(join(folder, 'my'))
  await mixedFolder(join(folder, 'my'))
  const before = readdirSync(join(folder, 'my')).sort()

  const made = await run('init', 'my', '--val', '0.3', '--test', '0.2')
  expect(made, made.stderr).toMatchObject({ status: 0 })
  expect(made.stdout).toContain('Names of the classes: ')
  expect(made.stdout).toMatch(/images with\s+train\s+val\s+test\nall\s+10\s+6\s+4\ncat\s+10\s+6\s+4\ndog\s+1\s+1\s+0\n/)
  const lists = ['data.yaml', 'test.txt', 'train.txt', 'val.txt']
  expect(readdirSync(join(folder, 'my')).sort()).toEqual([...before, ...lists].sort())
  expect(readFileSync(join(folder, 'my/val.txt'), 'utf8')).toMatch(/^(\.\/(clip|tape)_\d{3}\.png\n){6}$/)

  const again = await run('init', 'my')
  expect(again.status).toBe(1)
  expect(again.stderr).toMatch(/^hypevolve: .*data\.yaml exists already\. Add --force/)

  const videos = await run('split', 'my/data.yaml', '--val', '0.5', '--group-by', 'video', '--out', 'videos')
  expect(videos, videos.stderr).toMatchObject({ status: 0 })
  expect(videos.stdout).toContain('2 groups of images kept together')
  const groups = ['train', 'val'].map((name) => readFileSync(join(folder, `videos/${name}.txt`), 'utf8'))
  expect(groups.map((text) => new Set(text.match(/clip|tape/g)).size)).toEqual([1, 1])

  const flags = [
    ...tinyFlags.map((word) => (word === 'data.yaml' ? 'videos/data.yaml' : word)),
    '--epochs',
    '1',
    '--noplots',
  ]
  const trained = await cli(['train', ...flags], folder, cacheEnv(folder))
  expect(trained.status, trained.stdout + trained.stderr).toBe(0)
  expect(trained.stdout).toContain('10 images to train on, 10 to validate, 2 classes')
})

it('split rewrites a yaml with --force alone, and keeps its comments', async () => {
  const { folder, run } = project()
  await tinyProject(folder)
  const yaml = join(folder, 'data.yaml')
  writeFileSync(yaml, `# mine\n${readFileSync(yaml, 'utf8')}licence: free # really\n`)
  const refused = await run('split', 'data.yaml')
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('add --force, or write elsewhere with --out FOLDER')
  const done = await run('split', 'data.yaml', '--force', '--val', '0.25', '--json')
  expect(JSON.parse(done.stdout)).toMatchObject({ images: { train: 9, val: 3, test: 0 }, names: ['red', 'blue'] })
  const text = readFileSync(yaml, 'utf8')
  expect(text).toMatch(
    /^# mine\npath: \.\ntrain: train\.txt\nval: val\.txt\nnames:\n {2}0: red\n {2}1: blue\nlicence: free # really\n$/,
  )
})

it('converts annotations, draws what they hold, and checks them', async () => {
  const { folder, run } = project()
  for (let i = 0; i < 6; i++) {
    await writeImage(join(folder, `voc/${i}.jpg`), 100, 60, i)
    const box = `<bndbox><xmin>10</xmin><ymin>10</ymin><xmax>${40 + i}</xmax><ymax>40</ymax></bndbox>`
    writeText(
      join(folder, `voc/${i}.xml`),
      `<annotation><filename>${i}.jpg</filename><size><width>100</width><height>60</height></size>` +
        `<object><name>car</name>${box}</object><object><name>van</name><difficult>1</difficult>${box}</object></annotation>`,
    )
  }
  const converted = await run('convert', '--from', 'voc', 'voc', '--to', 'my', '--images', 'copy', '--names', 'car,van')
  expect(converted, converted.stderr).toMatchObject({ status: 0 })
  expect(converted.stdout).toMatch(/^car\s+6$/m)
  expect(converted.stdout).toMatch(/WARNING 6 left out: objects marked as difficult, as in .*\.xml, object 2/)
  expect(converted.stdout).toContain('5 images to train on, 1 to validate\n')

  const stats = await run('stats', 'my/data.yaml', '--imgsz', '96', '--out', 'pictures')
  expect(stats, stats.stderr).toMatchObject({ status: 0 })
  expect(stats.stdout).toMatch(/^images\s+5\s+1$/m)
  expect(stats.stdout).toMatch(/^car\s+5 in 5\s+1 in 1$/m)
  expect(stats.stdout).toMatch(/^anchors of yolov5s\.yaml: BPR\s+1\.0000\s+1\.0000$/m)
  for (const [name, width] of [
    ['labels.jpg', 1600],
    ['labels_correlogram.jpg', 1600],
    ['sizes.png', 1600],
    ['samples.jpg', 1440],
  ] as const)
    expect((await sharp(join(folder, 'pictures', name)).metadata()).width, name).toBe(width)
  const numbers = JSON.parse((await run('stats', 'my/data.yaml', '--split', 'train', '--json')).stdout)
  expect(numbers.splits).toHaveLength(1)
  expect(numbers.splits[0]).toMatchObject({ boxes: 5, imageSizes: [{ width: 100, height: 60, images: 5 }] })

  const clean = await run('check', 'my/data.yaml')
  expect(clean, clean.stderr).toMatchObject({ status: 0 })
  expect(clean.stdout).toContain('warning  classes without a label: 1\n')
  expect(clean.stdout).toContain('0 faults, 1 warning\n')
  expect((await run('check', 'my/data.yaml', '--strict')).status).toBe(1)
})

it('check names both images of a leak, and every fault of files and labels', async () => {
  const { folder, run } = project()
  await tinyProject(folder)
  const path = (name: string) => join(folder, name)
  copyFileSync(path('images/train/train0.png'), path('images/val/copy.png'))
  await sharp(path('images/train/train3.png')).resize(48).jpeg({ quality: 60 }).toFile(path('images/val/smaller.jpg'))
  for (const name of ['copy', 'smaller']) copyFileSync(path('labels/train/train0.txt'), path(`labels/val/${name}.txt`))
  writeText(path('labels/train/train1.txt'), '0 0.5 0.5 0.2\n')
  writeText(path('labels/train/train2.txt'), '7 0.5 0.5 0.2 0.2\n')
  writeText(path('labels/train/train4.txt'), '0 0.9 0.5 0.4 0.2\n0 0.9 0.5 0.4 0.2\n1 0.5 0.5 0.001 0.2\n')
  writeText(path('labels/train/nobody.txt'), '0 0.5 0.5 0.2 0.2\n')
  writeText(path('images/train/broken.png'), 'no picture')
  writeText(path('classes.txt'), 'blue\nred\n')
  const { status, stdout, stderr } = await run('check', 'data.yaml', '--json')
  expect(status, stderr).toBe(1)
  const report = JSON.parse(stdout)
  const of = (kind: string) => report.findings.filter((finding: { kind: string }) => finding.kind === kind)
  expect(of('image-shared')).toContainEqual({
    ...{ level: 'fault', kind: 'image-shared', detail: 'val and train: the same bytes' },
    ...{ file: path('images/val/copy.png'), other: path('images/train/train0.png') },
  })
  expect(of('split-same')).toEqual([
    { level: 'warning', kind: 'split-same', file: 'data.yaml', detail: 'test is val: all 6 images' },
  ])
  expect(of('image-similar')).toContainEqual(
    expect.objectContaining({
      level: 'warning',
      file: path('images/val/smaller.jpg'),
      other: path('images/train/train3.png'),
    }),
  )
  for (const [kind, file] of [
    ['image-corrupt', 'images/train/broken.png'],
    ['label-corrupt', 'labels/train/train1.txt'],
    ['label-class', 'labels/train/train2.txt'],
    ['names-mismatch', 'classes.txt'],
    ['label-duplicates', 'labels/train/train4.txt'],
    ['box-outside', 'labels/train/train4.txt'],
    ['box-tiny', 'labels/train/train4.txt'],
    ['label-orphan', 'labels/train/nobody.txt'],
  ])
    expect(
      of(kind!).map((finding: { file: string }) => finding.file),
      kind,
    ).toEqual([path(file!)])
  const text = await run('check', 'data.yaml')
  expect(text.status).toBe(1)
  expect(text.stdout).toContain(
    `${path('images/val/copy.png')}\n      and ${path('images/train/train0.png')} (val and train: the same bytes)`,
  )
})

it.each([
  [['init', 'nothing'], 1, 'nothing cannot be read'],
  [['init', '.'], 1, 'No usable image in'],
  [['split', '.', '--val', '0.7', '--test', '0.5'], 1, 'No usable image in'],
  [['init', '.', '--group-by', '('], 2, 'It is no regular expression'],
  [['init', '.', '--val', '2'], 2, 'It must be from'],
  [['convert', 'x', '--to', 'y'], 2, '--from'],
  [['convert', 'x', '--to', 'y', '--from', 'yolo'], 2, 'Choose one of voc, coco'],
  [['convert', 'x', '--to', 'y', '--from', 'voc'], 1, 'there is no'],
  [['check', 'data.yaml'], 1, 'there is no such file'],
  [['stats'], 2, 'missing required argument'],
  [[], 2, 'Usage: hypevolve data'],
] as const)('data %j exits %i', async (words, status, message) => {
  const { folder, run } = project()
  const ended = await run(...words)
  expect(ended.stderr).toContain(message)
  expect(ended.stderr).not.toContain('    at ')
  expect(ended.status).toBe(status)
  expect(existsSync(join(folder, 'y'))).toBe(false)
})
