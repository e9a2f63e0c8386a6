// What is wrong with a data set: files, labels, names, and images that are in two splits. Start reading at `checkDataset`.
import { readdirSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { labelSizes } from '../anchors/index.ts'
import {
  classFaults,
  type DataPool,
  type DatasetDefinition,
  type Fault,
  labelPath,
  type ScanCounts,
  type Split,
  type SplitScan,
  scanSplit,
} from '../data/index.ts'
import { stemOf } from './files.ts'
import { equalFiles, fingerprints, likePairs } from './likeness.ts'
import { findNames, isListFile } from './names.ts'

/** Everything that is looked for: whether it is a fault, and what a person calls it. */
export const findingKinds = {
  'image-corrupt': { level: 'fault', title: 'images that are missing or cannot be decoded' },
  'label-corrupt': { level: 'fault', title: 'label files that cannot be read: their images are left out of training' },
  'label-class': { level: 'fault', title: 'label files with a class that has no name' },
  'names-mismatch': { level: 'fault', title: 'lists of class names that contradict the data set file' },
  'image-shared': { level: 'fault', title: 'images that are in two splits' },
  'split-same': { level: 'warning', title: 'splits that are the same images' },
  'image-similar': { level: 'warning', title: 'images that look like one of another split' },
  'image-damaged': { level: 'warning', title: 'images that decode in part' },
  'label-missing': { level: 'warning', title: 'images without a label file (they count as background)' },
  'label-orphan': { level: 'warning', title: 'label files without an image' },
  'label-duplicates': { level: 'warning', title: 'label files with equal rows' },
  'box-outside': { level: 'warning', title: 'label files with boxes that stick out of the image' },
  'box-tiny': { level: 'warning', title: 'label files with boxes smaller than 2 pixels at training size' },
  'class-unused': { level: 'warning', title: 'classes without a label' },
  'names-duplicate': { level: 'warning', title: 'class names given twice' },
} as const satisfies Readonly<Record<string, { level: 'fault' | 'warning'; title: string }>>
export type FindingKind = keyof typeof findingKinds

export interface Finding {
  readonly kind: FindingKind
  /** The file it is about; the data set file for names. */
  readonly file: string
  readonly detail: string
  /** The other image, for pairs. */
  readonly other?: string
  /** Rows or boxes, where that makes sense. */
  readonly count?: number
}

export interface CheckOptions {
  readonly definition: DatasetDefinition
  readonly pool: DataPool
  /** Training size, for what is too small there. */
  readonly imagePx: number
  /** Least correlation of images that count as alike; undefined: only equal files are looked for. */
  readonly similarity?: number
  readonly onProgress?: (phase: string, done: number, total: number) => void
}

export interface CheckReport {
  readonly splits: readonly { readonly split: Split; readonly counts: ScanCounts }[]
  readonly findings: readonly Finding[]
}

/** Boxes may stick out by so many pixels of the image: rounding. */
const outsidePx = 1
const tinyPx = 2

/** @throws DatasetEmptyError, DataWorkerError */
export async function checkDataset(options: CheckOptions): Promise<CheckReport> {
  const { definition, pool, imagePx, similarity, onProgress = () => {} } = options
  const names = (['train', 'val', 'test'] as const).filter((split) => definition[split].length > 0)
  const scans: (SplitScan & { readonly split: Split })[] = []
  for (const split of names) {
    const tell = ({ done, total }: { done: number; total: number }) => onProgress(`${split}: labels`, done, total)
    scans.push({ split, ...(await scanSplit({ definition, split, pool, onProgress: tell })) })
  }
  const findings: Finding[] = [
    ...scans.flatMap(({ scan }) => scan.faults.flatMap(fromFault)),
    ...scans.flatMap(({ scan }) => classFaults(scan, definition.names.length).faults.flatMap(fromFault)),
    ...scans.flatMap(({ scan }) => boxFindings(scan, imagePx)),
    ...nameFindings(definition, scans),
    ...orphans(scans),
    ...(await sharedImages(definition.file, scans, similarity, onProgress)),
  ]
  return { splits: scans.map(({ split, scan }) => ({ split, counts: scan.counts })), findings }
}

/** Empty label files say that there is nothing to see: no finding. */
const fromFault = ({ kind, file, detail, count }: Fault): Finding[] =>
  kind === 'label-empty' ? [] : [{ kind, file, detail, ...(count !== undefined && { count }) }]

function boxFindings(scan: SplitScan['scan'], imagePx: number): Finding[] {
  const { paths, sizes, labels, labelStart } = scan
  const px = labelSizes(scan, imagePx)
  const findings: Finding[] = []
  for (const [i, path] of paths.entries()) {
    const [slackX, slackY] = [outsidePx / sizes[2 * i], outsidePx / sizes[2 * i + 1]]
    let [outside, tiny] = [0, 0]
    for (let row = labelStart[i]; row < labelStart[i + 1]; row++) {
      const [x, y, w, h] = labels.subarray(5 * row + 1, 5 * row + 5)
      if (x - w / 2 < -slackX || x + w / 2 > 1 + slackX || y - h / 2 < -slackY || y + h / 2 > 1 + slackY) outside++
      if (Math.min(px[2 * row], px[2 * row + 1]) < tinyPx) tiny++
    }
    const file = labelPath(path)
    if (outside > 0) findings.push({ kind: 'box-outside', file, detail: boxes(outside), count: outside })
    if (tiny > 0) findings.push({ kind: 'box-tiny', file, detail: `${boxes(tiny)} at ${imagePx} px`, count: tiny })
  }
  return findings
}

const boxes = (count: number) => (count === 1 ? '1 box' : `${count} boxes`)

function nameFindings(definition: DatasetDefinition, scans: readonly SplitScan[]): Finding[] {
  const { names, file } = definition
  const findings: Finding[] = []
  const used = new Set<number>()
  for (const { scan } of scans) for (let i = 0; i < scan.labels.length; i += 5) used.add(scan.labels[i])
  for (const [index, name] of names.entries()) {
    if (!used.has(index)) findings.push({ kind: 'class-unused', file, detail: `class ${index}, ${name}` })
    const first = names.indexOf(name)
    if (first < index)
      findings.push({ kind: 'names-duplicate', file, detail: `classes ${first} and ${index} are both ${name}` })
  }
  const folders = new Set([resolve(definition.root), dirname(resolve(file))])
  for (const folder of folders) {
    const list = findNames(folder, { yaml: false })
    if (!list) continue
    const at = Array.from({ length: Math.max(names.length, list.names.length) }, (_, i) => i).find(
      (i) => names[i] !== list.names[i],
    )
    if (at === undefined) continue
    const [ours, theirs] = [names[at] ?? 'nothing', list.names[at] ?? 'nothing']
    const detail = `class ${at} is ${theirs} there, and ${ours} in ${file}`
    if (!findings.some((finding) => finding.file === list.file))
      findings.push({ kind: 'names-mismatch', file: list.file, detail })
  }
  return findings
}

/** Label files that lie where those of the data set's images lie, and belong to no image at all. */
function orphans(scans: readonly SplitScan[]): Finding[] {
  const known = new Set<string>()
  /** Folders of images by folder of labels. */
  const imageFolders = new Map<string, Set<string>>()
  for (const { images, labels } of scans)
    for (const [i, label] of labels.entries()) {
      known.add(label)
      const folders = imageFolders.get(dirname(label)) ?? new Set()
      imageFolders.set(dirname(label), folders.add(dirname(images[i])))
    }
  return [...imageFolders].flatMap(([folder, sources]) => {
    const stems = new Set(
      [...sources].flatMap((source) =>
        list(source)
          .filter((name) => !name.endsWith('.txt'))
          .map(stemOf),
      ),
    )
    return list(folder)
      .filter((name) => name.endsWith('.txt') && !isListFile(name) && !known.has(join(folder, name)))
      .filter((name) => !stems.has(stemOf(name)))
      .sort()
      .map((name): Finding => ({ kind: 'label-orphan', file: join(folder, name), detail: 'no image of that name' }))
  })
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [] // reported image by image
    throw error
  }
}

/** Pairs across splits, each later split against all earlier ones. */
async function sharedImages(
  yaml: string,
  scans: readonly (SplitScan & { readonly split: Split })[],
  similarity: number | undefined,
  onProgress: (phase: string, done: number, total: number) => void,
): Promise<Finding[]> {
  const findings: Finding[] = []
  if (scans.length < 2) return findings
  const prints = []
  for (const { split, scan } of similarity === undefined ? [] : scans)
    prints.push(await fingerprints(scan.paths, (done, total) => onProgress(`${split}: comparing`, done, total)))
  for (const [i, later] of scans.entries())
    for (const [k, earlier] of scans.slice(0, i).entries()) {
      if (later.images.join('\n') === earlier.images.join('\n')) {
        const kind = earlier.split === 'train' ? 'image-shared' : 'split-same'
        findings.push({
          kind,
          file: yaml,
          detail: `${later.split} is ${earlier.split}: all ${later.images.length} images`,
        })
        continue
      }
      const equal = await equalFiles(later.images, earlier.images)
      const told = new Set(equal.map(({ file }) => file))
      const between = `${later.split} and ${earlier.split}`
      for (const { file, other } of equal)
        findings.push({
          kind: 'image-shared',
          file,
          other,
          detail: `${between}: the same ${file === other ? 'file' : 'bytes'}`,
        })
      if (similarity === undefined) continue
      const files = [later.scan.paths, prints[i]] as const
      for (const pair of likePairs(files, [earlier.scan.paths, prints[k]], similarity))
        if (!told.has(pair.file))
          findings.push({
            kind: 'image-similar',
            file: pair.file,
            other: pair.other,
            detail: `${between}: similarity ${pair.similarity!.toFixed(3)}`,
          })
    }
  return findings
}
