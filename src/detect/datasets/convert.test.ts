// Small sources of every format, written by hand with the oddities of the programs that write them, and what becomes of them.
import { lstatSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryFolder, writeImage, writeText } from '../../../test/helpers/data-set.ts'
import { convertedFormats } from '../../app/cli/data-convert.ts'
import { AnnotationFileError, AnnotationSourceError, DataSplitError, FileExistsError } from '../../base/index.ts'
import { labelPath, listImages, readDatasetYaml } from '../data/index.ts'
import { type ConvertOptions, convertDataset } from './convert.ts'
import { annotationFormats } from './formats/index.ts'

const halves = { val: 0.5, test: 0, seed: 0, stratified: true }

async function convert(options: Pick<ConvertOptions, 'from' | 'source'> & Partial<ConvertOptions>) {
  const to = options.to ?? temporaryFolder()
  const result = await convertDataset({
    images: 'link',
    boxes: false,
    force: false,
    fallback: halves,
    ...options,
    to: join(to, 'out'),
  })
  const definition = readDatasetYaml(result.yaml)
  const filesOf = (split: 'train' | 'val' | 'test') => listImages(definition[split], definition.root)
  const files = [...filesOf('train'), ...filesOf('val'), ...filesOf('test')].sort()
  const labels = Object.fromEntries(
    files.map((file) => [relative(definition.root, file), readFileSync(labelPath(file), 'utf8')]),
  )
  const leftOut = Object.fromEntries(result.leftOut.map(({ reason, count }) => [reason, count]))
  const names = (split: 'train' | 'val' | 'test') => filesOf(split).map((file) => relative(definition.root, file))
  return {
    ...result,
    definition,
    labels,
    leftOut,
    split: { train: names('train'), val: names('val'), test: names('test') },
  }
}

it('the command line offers what the library reads', () => {
  expect(Object.keys(annotationFormats)).toEqual([...convertedFormats])
})

const vocObject = (name: string, box: readonly (number | string)[], more = '') =>
  `<object><name>${name}</name>${more}<bndbox><xmin>${box[0]}</xmin><ymin>${box[1]}</ymin><xmax>${box[2]}</xmax><ymax>${box[3]}</ymax></bndbox></object>`
const vocFile = (
  objects: string,
  { name = 'x.jpg', size = '<size><width>100</width><height>50</height></size>' } = {},
) => `<annotation><filename>${name}</filename>${size}${objects}</annotation>`

it('reads Pascal VOC: sets, parts of objects, difficult, swapped and empty boxes, what sticks out', async () => {
  const root = temporaryFolder()
  for (const [i, name] of ['a', 'b', 'c', 'd'].entries())
    await writeImage(join(root, `JPEGImages/${name}.png`), 100, 50, i)
  const part = '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>'
  writeText(
    join(root, 'Annotations/a.xml'),
    `\uFEFF<?xml version="1.0" encoding="utf-8"?>\n<!-- by hand -->\n${vocFile(
      vocObject('dog &amp; cat', [10, 10, 30, 20], part) +
        vocObject('bird', [90, 40, 70.5, 30]) +
        vocObject('bird', [1, 1, 5, 5], '<difficult>1</difficult>') +
        vocObject('bird', [5, 5, 5, 9]) +
        vocObject('bird', ['x', 5, 5, 9]),
    )}`,
  )
  writeText(
    join(root, 'Annotations/b.xml'),
    vocFile(vocObject('bird', [-10, -10, 50, 25]) + vocObject('bird', [200, 0, 210, 9])),
  )
  // Sizes of 0, as some programs write: the image itself is asked. The name inside is that of before it was renamed.
  writeText(
    join(root, 'Annotations/c.xml'),
    vocFile(vocObject('bird', [0, 0, 50, 50]), {
      name: 'old.jpg',
      size: '<size><width>0</width><height>0</height></size>',
    }),
  )
  writeText(join(root, 'Annotations/d.xml'), vocFile(''))
  writeText(join(root, 'Annotations/gone.xml'), vocFile(vocObject('bird', [0, 0, 5, 5])))
  writeText(join(root, 'ImageSets/Main/train.txt'), 'a\nb\n')
  writeText(join(root, 'ImageSets/Main/val.txt'), 'c 1\nd\n')
  writeText(join(root, 'ImageSets/Main/bird_train.txt'), 'a -1\n')

  const result = await convert({ from: 'voc', source: root })
  expect(result.names).toEqual(['bird', 'dog & cat'])
  expect(result.definition.names).toEqual(['bird', 'dog & cat'])
  expect(result.labels).toEqual({
    'images/a.png': '1 0.200000 0.300000 0.200000 0.200000\n0 0.802500 0.700000 0.195000 0.200000\n',
    'images/b.png': '0 0.250000 0.250000 0.500000 0.500000\n',
    'images/c.png': '0 0.250000 0.500000 0.500000 1.000000\n',
    'images/d.png': '',
  })
  expect(result.split).toEqual({
    train: ['images/a.png', 'images/b.png'],
    val: ['images/c.png', 'images/d.png'],
    test: [],
  })
  expect(result.ownSplits).toBe(true)
  expect(result.leftOut).toEqual({ difficult: 1, 'zero-area': 1, unreadable: 1, outside: 1, 'image-missing': 1 })
  expect(lstatSync(join(result.definition.root, 'images/a.png')).isSymbolicLink()).toBe(true)
})

it('reads Roboflow’s VOC: files beside the images, folders as splits, outlines', async () => {
  const root = temporaryFolder()
  await writeImage(join(root, 'train/a.png'), 100, 50, 0)
  await writeImage(join(root, 'valid/a.png'), 100, 50, 1)
  const polygon = '<polygon><x1>10</x1><y1>10</y1><x2>30</x2><y2>10</y2><x3>20</x3><y3>40</y3></polygon>'
  writeText(
    join(root, 'train/a.xml'),
    vocFile(vocObject('b', [10, 10, 30, 40], polygon) + vocObject('a', [0, 0, 50, 25])),
  )
  writeText(join(root, 'valid/a.xml'), vocFile(vocObject('a', [0, 0, 50, 25])))
  const result = await convert({ from: 'voc', source: root })
  // A file with one outline has outlines only: readers know no mixture.
  expect(result.labels).toEqual({
    'images/train/a.png':
      '1 0.100000 0.200000 0.300000 0.200000 0.200000 0.800000\n' +
      '0 0.000000 0.000000 0.500000 0.000000 0.500000 0.500000 0.000000 0.500000\n',
    'images/valid/a.png': '0 0.250000 0.250000 0.500000 0.500000\n',
  })
  expect(result.split).toMatchObject({ train: ['images/train/a.png'], val: ['images/valid/a.png'] })
  const boxes = await convert({ from: 'voc', source: root, boxes: true })
  expect(boxes.labels['images/train/a.png']).toBe(
    '1 0.200000 0.500000 0.200000 0.600000\n0 0.250000 0.250000 0.500000 0.500000\n',
  )
})

const cocoSet = (file: string, annotations: readonly object[], more: object = {}) => ({
  images: [{ id: 7, file_name: file, width: 100, height: 50 }],
  categories: [
    { id: 9, name: 'b', supercategory: 'things' },
    { id: 3, name: 'a', supercategory: 'things' },
    { id: 0, name: 'things', supercategory: 'none' },
  ],
  annotations: annotations.map((annotation) => ({ image_id: 7, iscrowd: 0, ...annotation })),
  ...more,
})

it('reads COCO: ids with gaps, crowds, masks, objects of several parts, a heading as category, splits by file', async () => {
  const root = temporaryFolder()
  await writeImage(join(root, 'train2017/1.png'), 100, 50, 0)
  await writeImage(join(root, 'val2017/1.png'), 100, 50, 1)
  const train = cocoSet('1.png', [
    { category_id: 9, bbox: [10, 10, 20, 10] },
    {
      category_id: 3,
      bbox: [0, 0, 20, 25],
      segmentation: [
        [0, 0, 10, 0, 10, 25],
        [12, 0, 20, 0, 20, 25],
      ],
    },
    { category_id: 3, bbox: [0, 0, 50, 25], segmentation: { size: [50, 100], counts: 'abc' } },
    { category_id: 3, iscrowd: 1, bbox: [0, 0, 50, 25], segmentation: { size: [50, 100], counts: [1, 2] } },
    { category_id: 3, segmentation: { size: [50, 100], counts: [1, 2] } },
    { category_id: 3, segmentation: [[0, 0, 50, 0, 50, 50]] },
    { category_id: 4, bbox: [0, 0, 50, 25] },
    { category_id: 3, bbox: [0, 0, 50, Number.NaN] },
    { category_id: 9, bbox: [10, 10, 20, 10] },
  ])
  writeText(join(root, 'annotations/instances_train2017.json'), JSON.stringify(train))
  writeText(
    join(root, 'annotations/instances_val2017.json'),
    JSON.stringify(cocoSet('val2017/1.png', [{ category_id: 3, bbox: [50, 25, 50, 25] }])),
  )
  writeText(
    join(root, 'annotations/captions_val2017.json'),
    JSON.stringify({ images: [], annotations: [{ caption: 'x' }] }),
  )

  const found = await convert({ from: 'coco', source: root })
  expect(found.names).toEqual(['a', 'b'])
  expect(found.notes).toEqual([expect.stringContaining('"things" only heads the others')])
  expect(found.leftOut).toEqual({ crowd: 1, mask: 1, unreadable: 2, duplicate: 1 })
  expect(found.outlines).toBe(2)
  expect(found.labels).toEqual({
    'images/train2017/1.png': [
      '1 0.100000 0.200000 0.300000 0.200000 0.300000 0.400000 0.100000 0.400000',
      '0 0.000000 0.000000 0.100000 0.000000 0.120000 0.000000 0.200000 0.000000 0.200000 0.500000 0.120000 0.000000 0.100000 0.000000 0.100000 0.500000',
      '0 0.000000 0.000000 0.500000 0.000000 0.500000 0.500000 0.000000 0.500000',
      '0 0.000000 0.000000 0.500000 0.000000 0.500000 1.000000',
      '',
    ].join('\n'),
    'images/val2017/1.png': '0 0.750000 0.750000 0.500000 0.500000\n',
  })
  expect(found.split).toMatchObject({ train: ['images/train2017/1.png'], val: ['images/val2017/1.png'] })
})

it('reads LabelMe: paths of Windows, circles, points, files without shapes, names of labels.txt', async () => {
  const root = temporaryFolder()
  await writeImage(join(root, 'photos/a.png'), 100, 50, 0)
  await writeImage(join(root, 'json/b.png'), 100, 50, 1)
  const shape = (label: string, shape_type: string | undefined, points: number[][]) => ({
    label,
    shape_type,
    points,
    flags: {},
  })
  const file = (imagePath: string, shapes: object[]) =>
    JSON.stringify({
      version: '5.2.1',
      flags: {},
      shapes,
      imagePath,
      imageData: null,
      imageHeight: 50,
      imageWidth: 100,
    })
  writeText(
    join(root, 'json/a.json'),
    file('..\\photos\\a.png', [
      shape('z', 'rectangle', [
        [30, 20],
        [10, 10],
      ]),
      shape('y', undefined, [
        [0, 0],
        [50, 0],
        [50, 25],
      ]),
      shape('y', 'circle', [
        [50, 25],
        [60, 25],
      ]),
      shape('y', 'point', [[5, 5]]),
      shape('y', 'linestrip', [
        [5, 5],
        [9, 9],
      ]),
      shape('', 'rectangle', [
        [30, 20],
        [10, 10],
      ]),
      { label: 'y', points: 'none' },
    ]),
  )
  writeText(join(root, 'json/b.json'), file('c:/somewhere/b.png', []))
  writeText(join(root, 'json/notes.json'), '{"classes": []}')
  writeText(join(root, 'json/labels.txt'), '__ignore__\n_background_\nz\ny\n')
  const result = await convert({ from: 'labelme', source: join(root, 'json'), imageFolders: [root] })
  expect(result.names).toEqual(['z', 'y'])
  expect(result.notes).toEqual(['1 .json files without shapes were passed over.'])
  expect(result.leftOut).toEqual({ shape: 2, unlabelled: 1, unreadable: 1 })
  const rows = result.labels['images/photos/a.png']!.split('\n')
  expect(rows.slice(0, 2)).toEqual([
    '0 0.100000 0.200000 0.300000 0.200000 0.300000 0.400000 0.100000 0.400000',
    '1 0.000000 0.000000 0.500000 0.000000 0.500000 0.500000',
  ])
  const circle = rows[2]!.split(' ').slice(1).map(Number)
  expect(circle).toHaveLength(72)
  expect([
    Math.min(...circle.filter((_, i) => i % 2 === 0)),
    Math.max(...circle.filter((_, i) => i % 2 === 1)),
  ]).toEqual([0.4, 0.7])
  expect(result.labels['images/json/b.png']).toBe('')
})

const cvatFile = (images: string) => `<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><task><name>t</name><labels>
<label><name>z</name><attributes></attributes></label><label><name>y</name></label><label><name>elbow</name><parent>z</parent></label>
</labels></task></meta>${images}</annotations>`

it('reads CVAT for images: turned boxes, ellipses, masks, skeletons, subsets', async () => {
  const root = temporaryFolder()
  await writeImage(join(root, 'images/one/a.png'), 100, 50, 0)
  await writeImage(join(root, 'images/b.png'), 100, 50, 1)
  writeText(
    join(root, 'annotations.xml'),
    cvatFile(`<image id="0" name="one/a.png" subset="Train" width="100" height="50">
      <box label="y" source="manual" occluded="0" xtl="10.00" ytl="10.00" xbr="30.00" ybr="20.00" z_order="0"><attribute name="n">1</attribute></box>
      <box label="z" xtl="40" ytl="20" xbr="60" ybr="30" rotation="90"></box>
      <polygon label="z" points="0.00,0.00;50.00,0.00;50.00,25.00"></polygon>
      <ellipse label="z" cx="50" cy="25" rx="10" ry="5"/>
      <mask label="z" rle="1, 2" left="10" top="5" width="20" height="10"/>
      <polyline label="z" points="1,1;2,2"/><points label="z" points="1,1"/><skeleton label="z"></skeleton>
      <polygon label="z" points="1,1;2"/><box label="" xtl="0" ytl="0" xbr="1" ybr="1"/><tag label="z"/>
    </image><image id="1" name="b.png" subset="Validation" width="100" height="50"></image><image id="2" name="c.png" width="9" height="9"/>`),
  )
  const result = await convert({ from: 'cvat', source: root, boxes: true })
  expect(result.names).toEqual(['z', 'y'])
  expect(result.labels).toEqual({
    'images/one/a.png': [
      '1 0.200000 0.300000 0.200000 0.200000',
      '0 0.500000 0.500000 0.100000 0.400000',
      '0 0.250000 0.250000 0.500000 0.500000',
      '0 0.500000 0.500000 0.200000 0.200000',
      '0 0.200000 0.200000 0.200000 0.200000',
      '',
    ].join('\n'),
    'images/b.png': '',
  })
  expect(result.leftOut).toEqual({ shape: 3, unreadable: 1, unlabelled: 1, 'image-missing': 1 })
  expect(result.split).toMatchObject({ train: ['images/one/a.png'], val: ['images/b.png'] })
  await expect(
    convert({ from: 'cvat', source: writeText(join(root, 'video.xml'), '<annotations><track id="0"/></annotations>') }),
  ).rejects.toThrow('choose "CVAT for images 1.1"')
})

it('reads CVAT’s export in YOLO format, and Darknet data sets: paths with a folder that is not there, rows that stick out', async () => {
  const root = temporaryFolder()
  for (const [i, name] of ['a', 'b'].entries()) await writeImage(join(root, `obj_train_data/${name}.png`), 100, 50, i)
  writeText(join(root, 'obj_train_data/a.txt'), '1 0.95 0.5 0.2 0.2\n0 0.5 0.5 0.2 0.2 0.1\n5 0.5 0.5 0.1 0.1\n\n')
  writeText(join(root, 'obj.names'), 'x\ny\n')
  writeText(
    join(root, 'obj.data'),
    'classes = 2\ntrain = data/train.txt\nvalid = data/valid.txt\nnames = data/obj.names\nbackup = backup/\n',
  )
  writeText(join(root, 'train.txt'), 'data/obj_train_data/a.png\ndata/obj_train_data/z.png\n')
  writeText(join(root, 'valid.txt'), 'data/obj_train_data/b.png\n')
  const expected = { 'images/a.png': '1 0.925000 0.500000 0.150000 0.200000\n', 'images/b.png': '' }
  for (const from of ['cvat', 'darknet'] as const) {
    const result = await convert({ from, source: root, images: 'copy' })
    expect(result.names).toEqual(['x', 'y'])
    expect(result.labels).toEqual(expected)
    expect(result.leftOut).toEqual({ unreadable: 2, 'image-missing': 1 })
    expect(result.split).toMatchObject({ train: ['images/a.png'], val: ['images/b.png'] })
    expect(lstatSync(join(result.definition.root, 'images/a.png')).isFile()).toBe(true)
  }
})

it('reads Label Studio: names of uploads, turned rectangles, several annotations, JSON-MIN', async () => {
  const root = temporaryFolder()
  for (const [i, name] of ['a b', 'c', 'd'].entries()) await writeImage(join(root, `pictures/${name}.png`), 100, 50, i)
  const value = (more: object) => ({ original_width: 100, original_height: 50, image_rotation: 0, ...more })
  const rectangle = (more: object) =>
    value({ type: 'rectanglelabels', value: { x: 10, y: 20, width: 20, height: 20, rotation: 0, ...more } })
  const tasks = [
    {
      id: 1,
      data: { image: '/data/upload/3/0a1b2c3d-a%20b.png' },
      annotations: [
        { was_cancelled: true, result: [rectangle({ rectanglelabels: ['never'] })] },
        { result: [rectangle({ rectanglelabels: ['old'] })] },
        {
          result: [
            rectangle({ rectanglelabels: ['y', 'x'] }),
            rectangle({ rectanglelabels: ['x'], x: 50, y: 50, rotation: 90 }),
            value({
              type: 'polygonlabels',
              value: {
                points: [
                  [0, 0],
                  [50, 0],
                  [50, 50],
                ],
                polygonlabels: ['x'],
              },
            }),
            value({
              type: 'ellipselabels',
              value: { x: 50, y: 50, radiusX: 10, radiusY: 10, rotation: 0, ellipselabels: ['x'] },
            }),
            value({ type: 'brushlabels', value: { format: 'rle', rle: [1], brushlabels: ['x'] } }),
            value({ type: 'choices', value: { choices: ['good'] } }),
            rectangle({}),
          ],
        },
      ],
    },
    {
      id: 2,
      data: { photo: '/data/local-files/?d=pictures/c.png' },
      annotations: [],
      predictions: [{ result: [rectangle({ rectanglelabels: ['x'] })] }],
    },
    { id: 3, data: { text: 'no image' } },
  ]
  const file = writeText(join(root, 'project.json'), JSON.stringify(tasks))
  const result = await convert({ from: 'labelstudio', source: file, boxes: true })
  expect(result.names).toEqual(['x', 'y'])
  expect(result.labels).toEqual({
    'images/a b.png': [
      '1 0.200000 0.300000 0.200000 0.200000',
      '0 0.200000 0.300000 0.200000 0.200000',
      // 20 × 10 px about its upper left corner (50, 25): 10 wide to the left, 20 down.
      '0 0.450000 0.700000 0.100000 0.400000',
      '0 0.250000 0.250000 0.500000 0.500000',
      '0 0.500000 0.500000 0.200000 0.200000',
      '',
    ].join('\n'),
    'images/c.png': '',
  })
  expect(result.leftOut).toEqual({ superseded: 1, shape: 1, unlabelled: 1, unreadable: 1 })

  const flat = ['c', 'd'].map((name) => ({
    id: 1,
    image: `/x/${name}.png`,
    label: [
      {
        x: 10,
        y: 20,
        width: 20,
        height: 20,
        rotation: 0,
        rectanglelabels: ['q'],
        original_width: 100,
        original_height: 50,
      },
    ],
    annotator: 1,
  }))
  const small = await convert({ from: 'labelstudio', source: writeText(join(root, 'min.json'), JSON.stringify(flat)) })
  expect(small.labels).toEqual({
    'images/c.png': '0 0.200000 0.300000 0.200000 0.200000\n',
    'images/d.png': '0 0.200000 0.300000 0.200000 0.200000\n',
  })
})

/** Two images side by side and a Darknet source of them. */
async function darknetSource(extensions = ['png', 'png']) {
  const root = temporaryFolder()
  const files = ['a', 'b'].map((name, i) => join(root, `set/images/${name}.${extensions[i]}`))
  for (const [i, file] of files.entries()) await writeImage(file, 100, 50, i)
  writeText(join(root, 'set/labels/a.txt'), '0 0.5 0.5 0.2 0.2\n1 0.5 0.5 0.4 0.2\n')
  writeText(join(root, 'set/classes.txt'), 'x\ny\n')
  return { root, source: join(root, 'set'), files }
}

it('--names chooses and orders the classes', async () => {
  const { source } = await darknetSource()
  const result = await convert({ from: 'darknet', source, names: ['y'] })
  expect(result.labels['images/a.png']).toBe('0 0.500000 0.500000 0.400000 0.200000\n')
  expect(result.leftOut).toEqual({ unnamed: 1 })
})

it('refers to images where they are, and replaces no label file unasked', async () => {
  const { source, files } = await darknetSource()
  const before = readFileSync(join(source, 'labels/a.txt'), 'utf8')
  await expect(convert({ from: 'darknet', source, images: 'refer' })).rejects.toBeInstanceOf(FileExistsError)
  expect(readFileSync(join(source, 'labels/a.txt'), 'utf8')).toBe(before)
  const result = await convert({ from: 'darknet', source, images: 'refer', force: true })
  expect(
    [...result.definition.train, ...result.definition.val].map((file) => readFileSync(file, 'utf8').trim()).sort(),
  ).toEqual(files)
})

it('never touches an original: a copy replaces the link of an earlier conversion', async () => {
  const { root, source, files } = await darknetSource()
  const bytes = readFileSync(files[0]!)
  await convert({ from: 'darknet', source, to: root })
  await expect(convert({ from: 'darknet', source, to: root })).rejects.toBeInstanceOf(FileExistsError)
  const again = await convert({ from: 'darknet', source, to: root, images: 'copy', force: true })
  expect(lstatSync(join(again.definition.root, 'images/a.png')).isSymbolicLink()).toBe(false)
  expect(lstatSync(files[0]!).isSymbolicLink()).toBe(false)
  expect(readFileSync(files[0]!)).toEqual(bytes)
})

it('gives images of one name but for the extension a label file each', async () => {
  const root = temporaryFolder()
  for (const [i, name] of ['a.png', 'a.webp'].entries()) await writeImage(join(root, name), 100, 50, i)
  const set = (file: string, label: string) => ({
    ...cocoSet(file, [{ category_id: 1, bbox: [0, 0, 50, 25] }]),
    categories: [{ id: 1, name: label }],
  })
  writeText(join(root, 'train.json'), JSON.stringify(set('a.png', 'x')))
  writeText(join(root, 'val.json'), JSON.stringify(set('a.webp', 'y')))
  const result = await convert({ from: 'coco', source: root })
  expect(result.labels).toEqual({
    'images/a.png': '0 0.250000 0.250000 0.500000 0.500000\n',
    'images/a_2.webp': '1 0.250000 0.250000 0.500000 0.500000\n',
  })
})

it('tells of images that were turned or cut after they were annotated', async () => {
  const root = temporaryFolder()
  await writeImage(join(root, 'a.png'), 50, 100, 0)
  await writeImage(join(root, 'b.png'), 20, 10, 0)
  for (const name of ['a', 'b']) writeText(join(root, `${name}.xml`), vocFile(vocObject('x', [0, 0, 50, 25])))
  const result = await convert({ from: 'voc', source: root })
  expect(result.notes).toEqual([expect.stringMatching(/^1 image has other proportions .* as of .*a\.png\.$/)])
})

it.each([
  ['voc', {}, AnnotationSourceError, 'no .xml file'],
  ['voc', { 'a.xml': '<svg/>' }, AnnotationFileError, '<svg>, not <annotation>'],
  ['voc', { 'a.xml': '<!DOCTYPE a [<!ENTITY x "y">]><annotation/>' }, AnnotationFileError, 'declarations'],
  ['voc', { 'a.xml': '<annotation/>' }, AnnotationSourceError, 'none of 1 annotated images was found'],
  ['coco', { 'a.json': '{"images": 3}' }, AnnotationFileError, 'no lists "images" and "annotations"'],
  ['coco', { 'a.json': '{"images": [], "annotations": []}' }, AnnotationFileError, '"categories"'],
  ['coco', { 'a.json': '{"images": [' }, AnnotationFileError, 'it is no JSON'],
  ['labelme', { 'a.json': '[]', 'b.json': '{}' }, AnnotationSourceError, 'a list "shapes"'],
  ['labelstudio', { 'a.json': '{}' }, AnnotationFileError, 'it is no list of tasks'],
  ['cvat', {}, AnnotationSourceError, 'neither annotations.xml'],
  ['darknet', {}, AnnotationSourceError, 'neither a .data file'],
  ['darknet', { 'obj.data': 'classes=1' }, AnnotationFileError, '"names" is not there'],
] as const)('%s: says what is wrong with %j', async (from, files, type, message) => {
  const root = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeText(join(root, name), text)
  const error = await convert({ from, source: root }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(type)
  expect((error as Error).message).toContain(message)
})

it('says that a source is not there, and that one image cannot be divided', async () => {
  const root = temporaryFolder()
  await expect(convert({ from: 'voc', source: join(root, 'none/at/all') })).rejects.toThrow(
    'there is no such file or folder',
  )
  await writeImage(join(root, 'a.png'), 100, 50, 0)
  writeText(join(root, 'a.xml'), vocFile(vocObject('x', [0, 0, 50, 25])))
  await expect(convert({ from: 'voc', source: root })).rejects.toBeInstanceOf(DataSplitError)
})
