// Annotations made to harm who reads them: typed errors, bounded time and memory, and nothing outside the target folder.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { temporaryFolder, writeImage, writeText } from '../../../test/helpers/data-set.ts'
import { HypevolveError } from '../../base/index.ts'
import { parseLabels } from '../data/index.ts'
import { convertDataset } from './convert.ts'
import { type AnnotationFormatName, annotationFormats } from './formats/index.ts'
import { joinPolygons } from './geometry.ts'
import { decodeXml, parseXml, type XmlElement, XmlError } from './xml.ts'

/** Runs of every property; `HYPEVOLVE_FUZZ_RUNS=10000` looks longer. */
const numRuns = Number(process.env['HYPEVOLVE_FUZZ_RUNS'] ?? 100)

it.each([
  ['<a><!DOCTYPE x><b/></a>', 'declarations'],
  ['<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]><a>&lol2;</a>', 'declarations'],
  ['<!DOCTYPE a SYSTEM "file:///etc/passwd" [<!ENTITY % p SYSTEM "http://x/">]><a/>', 'declarations'],
  ['<a>&xxe;</a>', 'the entity &xxe; is not known'],
  ['<a>&#0;</a>', 'not known'],
  ['<a>&#x110000;</a>', 'not known'],
  ['<a>a & b</a>', 'the entity & is not known'],
  ['<a b="1" b="2"/>', 'given twice'],
  ['<a b=1/>', 'is broken'],
  ['<a b="<"/>', 'is broken'],
  ['<a></b>', '</b> ends what was not begun'],
  ['<a><b></a></b>', 'ends what was not begun'],
  ['<a>', 'does not end (line 1)'],
  ['<a/>\n<b/>', 'more than one root element (line 2)'],
  ['text', 'outside the root'],
  ['', 'it has no element'],
  ['<a><!-- ', 'a comment does not end'],
  ['<a><![CDATA[ ', 'CDATA'],
  ['<'.repeat(1000), 'a tag is broken'],
  ['<a>'.repeat(100), 'nested too deep'],
  [`<a ${'b '.repeat(100_000)}`, 'is broken'],
  [`<a${' '.repeat(100_000)}`, 'is broken'],
])('refuses %j', (text, message) => {
  expect(() => parseXml(text)).toThrow(XmlError)
  expect(() => parseXml(text)).toThrow(message)
})

it('reads what annotation programs write', () => {
  const text =
    '<?xml version="1.0"?>\r\n<!DOCTYPE annotation SYSTEM "voc.dtd">\n<r a="&lt;&#65;&#x42;" größe=\'"\'>x &amp; <![CDATA[<y>]]><b/>z</r >\n<!-- end -->'
  const root = parseXml(text)
  expect({ ...root, attributes: [...root.attributes] }).toEqual({
    name: 'r',
    attributes: [
      ['a', '<AB'],
      ['größe', '"'],
    ],
    children: [{ name: 'b', attributes: new Map(), children: [], text: '' }],
    text: 'x & <y>z',
  })
})

it('reads other encodings, and says so where it cannot', () => {
  const text = '<a>größe</a>'
  expect(parseXml(decodeXml(Buffer.from(`\uFEFF${text}`, 'utf16le'))).text).toBe('größe')
  expect(parseXml(decodeXml(Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${text}`, 'latin1'))).text).toBe(
    'größe',
  )
  expect(() => decodeXml(Buffer.from('<?xml version="1.0" encoding="x-no"?><a/>'))).toThrow(
    'encoding "x-no" is not known',
  )
  expect(() => decodeXml(Buffer.from(text, 'latin1'))).toThrow('it is not valid utf-8')
})

it('gives back every tree that is written as XML', () => {
  const name = fc.stringMatching(/^[a-z_][a-z0-9_.-]{0,5}$/)
  const content = fc.string({ maxLength: 8 }).map((text) => text.replace(/\p{Cc}/gu, '').trim())
  const { tree } = fc.letrec<{ tree: XmlElement }>((tie) => ({
    tree: fc.record({
      name,
      attributes: fc.dictionary(name, content, { maxKeys: 3 }).map((all) => new Map(Object.entries(all))),
      children: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie('tree'), { maxLength: 3 })),
      text: content,
    }),
  }))
  const escaped = (text: string) => text.replace(/[&<>"']/g, (mark) => `&#${mark.charCodeAt(0)};`)
  const write = ({ name, attributes, children, text }: XmlElement): string =>
    `<${name}${[...attributes].map(([key, value]) => ` ${key}="${escaped(value)}"`).join('')}>${escaped(text)}${children.map(write).join('')}</${name}>`
  fc.assert(
    fc.property(tree, (element) => {
      expect(parseXml(write(element))).toEqual(element)
    }),
    { numRuns },
  )
})

it('joins outlines of very many corners without comparing them all', () => {
  const ring = (count: number) => Array.from({ length: 2 * count }, (_, i) => i % 1000)
  expect(joinPolygons([ring(30_000), ring(30_000)])).toHaveLength(2 * 60_002)
})

/** Seeds of every format; they are broken at random places. */
const seeds: Readonly<Record<AnnotationFormatName, readonly [file: string, text: string]>> = {
  voc: [
    'a.xml',
    '<annotation><filename>a.png</filename><size><width>20</width><height>20</height></size><object><name>x</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>10</ymax></bndbox><polygon><x1>1</x1><y1>2</y1><x2>9</x2><y2>2</y2><x3>9</x3><y3>10</y3></polygon></object></annotation>',
  ],
  coco: [
    'a.json',
    '{"images":[{"id":1,"file_name":"a.png","width":20,"height":20}],"categories":[{"id":1,"name":"x"}],"annotations":[{"image_id":1,"category_id":1,"iscrowd":0,"bbox":[1,2,8,8],"segmentation":[[1,2,9,2,9,10],[3,3,4,4,5,5]]}]}',
  ],
  labelme: [
    'a.json',
    '{"shapes":[{"label":"x","shape_type":"circle","points":[[9,9],[12,9]]},{"label":"x","points":[[1,2],[9,2],[9,10]]}],"imagePath":"a.png","imageWidth":20,"imageHeight":20}',
  ],
  cvat: [
    'a.xml',
    '<annotations><meta><task><labels><label><name>x</name></label></labels></task></meta><image id="0" name="a.png" width="20" height="20"><box label="x" xtl="1" ytl="2" xbr="9" ybr="10" rotation="30"/><polygon label="x" points="1,2;9,2;9,10"/><ellipse label="x" cx="9" cy="9" rx="3" ry="2"/></image></annotations>',
  ],
  darknet: ['obj.data', 'classes=1\ntrain=list.txt\nnames=obj.names\n'],
  labelstudio: [
    'a.json',
    '[{"data":{"image":"/x/a.png"},"annotations":[{"result":[{"type":"rectanglelabels","original_width":20,"original_height":20,"value":{"x":1,"y":2,"width":30,"height":40,"rotation":20,"rectanglelabels":["x"]}}]}]}]',
  ],
}

/** What breaks readers: numbers at their ends, types that change places, paths that lead out. */
const tokens = [
  ...[
    '-1',
    '0',
    '1e309',
    'NaN',
    '1e-320',
    '9007199254740993',
    'null',
    '{}',
    '[]',
    '"',
    "'",
    '\\',
    '\0',
    '\u{1f600}',
    '&x;',
  ],
  ...[
    '../../../../etc/passwd',
    '/etc/hosts',
    '..\\..\\x.png',
    '__proto__',
    'constructor',
    '<a>',
    ']]>',
    '%00',
    '[[[[[[[[',
  ],
]

const broken = (text: string) =>
  fc
    .array(fc.tuple(fc.nat(text.length), fc.nat(12), fc.constantFrom('', ...tokens)), { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((now, [at, length, token]) => now.slice(0, at) + token + now.slice(at + length), text))

it.each(Object.keys(annotationFormats) as AnnotationFormatName[])(
  '%s: broken files give a data set that can be read, or a typed error',
  async (from) => {
    const root = temporaryFolder()
    const source = join(root, 'source')
    await writeImage(join(source, 'a.png'), 20, 20, 0)
    await writeImage(join(source, 'b.png'), 20, 20, 1)
    writeText(join(source, 'obj.names'), 'x\n')
    writeText(join(source, 'list.txt'), 'a.png\nb.png\n')
    writeText(join(source, 'a.txt'), '0 0.5 0.5 0.2 0.2\n')
    const [name, text] = seeds[from]
    const options = { from, source, images: 'link', boxes: false, force: true } as const
    const fallback = { val: 0.5, test: 0, seed: 0, stratified: true }
    await fc.assert(
      fc.asyncProperty(broken(text), async (content) => {
        writeText(join(source, name), content)
        try {
          const { yaml } = await convertDataset({ ...options, to: join(root, 'out'), fallback })
          expect(yaml).toBe(join(root, 'out/data.yaml'))
          for (const file of readdirSync(join(root, 'out/labels')))
            expect(parseLabels(readFileSync(join(root, 'out/labels', file), 'utf8'))).toMatchObject({ ok: true })
        } catch (error) {
          if (!(error instanceof HypevolveError)) throw error
        }
        expect(readdirSync(root).filter((entry) => entry !== 'source' && entry !== 'out')).toEqual([])
      }),
      { numRuns },
    )
  },
)
