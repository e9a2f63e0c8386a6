// Hyperparameters that a training of YOLOv5 or YOLOv3 cannot feel, from what the releases' code does with them.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { readYaml } from '../../../base/index.ts'
import { expandPath } from './python.ts'
import type { DeadGene, Installation, InstalledTraining } from './types.ts'
import { flagWords, isOn } from './yolov5-flags.ts'
import { flagsOf, releaseOf } from './yolov5-locate.ts'

export function deadYoloGenes(
  installation: Installation,
  training: InstalledTraining,
  keys: readonly string[],
): DeadGene[] {
  const release = releaseOf(installation)
  const title = installation.release
  const found: DeadGene[] = []
  const add = (genes: readonly string[], why: string, remedy?: DeadGene['remedy']) => {
    for (const key of genes)
      if (keys.includes(key) && found.every((gene) => gene.key !== key))
        found.push({ key, why, ...(remedy && { remedy }) })
  }
  const renamed = release.hypKeys.includes('giou') ? ['box'] : []
  const known = [...installation.hypKeys, ...renamed]
  add(
    keys.filter((key) => !known.includes(key)),
    `${title} does not read it`,
  )
  add(release.unread, `${title} has it in its file, but no line of a training looks at it`)
  if (isOn(training, 'noautoanchor'))
    add(['anchors'], 'without AutoAnchor it would replace the anchors of the model by placeholders', {
      noautoanchor: false,
    })
  // With --image-weights the data set sets rect aside.
  if (isOn(training, 'rect') && !isOn(training, 'image-weights'))
    add(['mosaic', 'mixup', 'copy_paste'], 'rectangular training makes no mosaics, and they are only used there', {
      rect: false,
    })
  if (usesAdam(training)) {
    if (!release.adamReadsMomentum) add(['momentum'], `Adam does not use it in ${title}`, { optimizer: 'SGD' })
    add(['warmup_momentum'], 'Adam has no momentum that could warm up', { optimizer: 'SGD' })
  }
  const data = dataOf(installation, training)
  if (isOn(training, 'single-cls')) add(['cls', 'cls_pw'], 'with --single-cls there is no loss of classes')
  else if (data?.classes === 1) add(['cls', 'cls_pw'], 'with one class there is no loss of classes')
  if (keys.includes('copy_paste') && data && hasOnlyBoxes(data.images))
    add(['copy_paste'], 'it copies objects by their outlines, and the labels have boxes only')
  return found
}

function usesAdam({ flags, passThrough }: InstalledTraining): boolean {
  const at = passThrough.indexOf('--optimizer')
  const optimizer = at < 0 ? flags['optimizer'] : passThrough[at + 1]
  return (typeof optimizer === 'string' && optimizer.startsWith('Adam')) || passThrough.includes('--adam')
}

interface DataSet {
  readonly classes?: number
  /** Folders and lists of the images to train with, absolute. */
  readonly images: readonly string[]
}

/** What the data file says; `undefined` if it cannot be read here, which is for the training to say. */
function dataOf(installation: Installation, training: InstalledTraining): DataSet | undefined {
  const { data } = training.flags
  if (typeof data !== 'string') return undefined
  try {
    const facts = {
      title: installation.release,
      release: releaseOf(installation),
      flags: flagsOf(installation),
      repo: installation.repo,
    }
    const [, path] = flagWords({ flags: { data }, passThrough: [] }, facts)
    const text = readFileSync(path!, 'utf8')
    const said = path!.endsWith('.data') ? darknetData(text) : (readYaml(text) as Readonly<Record<string, unknown>>)
    const { nc, classes, names, train, path: root } = said
    const count = Number(
      nc ?? classes ?? (typeof names === 'object' && names !== null ? Object.keys(names).length : undefined),
    )
    const base = resolve(installation.repo ?? process.cwd(), typeof root === 'string' ? root : '.')
    const images = [train].flat().filter((entry) => typeof entry === 'string')
    return {
      ...(Number.isInteger(count) && { classes: count }),
      images: images.map((entry) => (isAbsolute(entry) ? entry : join(base, entry))),
    }
  } catch {
    return undefined
  }
}

function darknetData(text: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, key, value] = /^\s*([^#=\s]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      return key === undefined ? [] : [[key, value]]
    }),
  )
}

/** So many label files are looked at. */
const sample = 100

/** Whether labels were found, and none of those looked at has an outline. A line of a box has five columns. */
function hasOnlyBoxes(places: readonly string[]): boolean {
  let boxes = 0
  for (const file of places.flatMap(imagesOf).slice(0, sample).map(labelsOf)) {
    if (!existsSync(file)) continue
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const columns = line.trim() === '' ? 0 : line.trim().split(/\s+/).length
      if (columns > 5) return false
      boxes += columns === 5 ? 1 : 0
    }
  }
  return boxes > 0
}

const isImage = (name: string) => /\.(bmp|dng|jpe?g|mpo|png|tiff?|webp|pfm)$/i.test(name)

function imagesOf(place: string): string[] {
  const found = statSync(place, { throwIfNoEntry: false })
  if (found?.isDirectory())
    return readdirSync(place, { recursive: true, encoding: 'utf8' })
      .filter(isImage)
      .map((name) => join(place, name))
  if (!found?.isFile() || found.size > 64 * 2 ** 20) return []
  const lines = readFileSync(place, 'utf8')
    .split('\n')
    .map((line) => line.trim())
  return lines.filter(isImage).map((line) => (line.startsWith('./') ? join(dirname(place), line) : expandPath(line)))
}

/** `…/images/x.jpg` → `…/labels/x.txt`: the last folder of that name counts. */
function labelsOf(image: string): string {
  const at = Math.max(image.lastIndexOf('/images/'), image.lastIndexOf('\\images\\'))
  const moved = at < 0 ? image : `${image.slice(0, at + 1)}labels${image.slice(at + 7)}`
  return moved.replace(/\.\w+$/, '.txt')
}
