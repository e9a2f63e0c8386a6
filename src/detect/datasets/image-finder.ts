// From the name of an image in an annotation to a file: names there are seldom the paths of this machine.
import { basename, dirname, resolve } from 'node:path'
import { listImages } from '../data/index.ts'
import { groupBy, isInside, stemOf } from './files.ts'

/** The images of some folders, found by name. */
export class ImageFinder {
  readonly files: readonly string[]
  readonly #known: ReadonlySet<string>
  readonly #byName: ReadonlyMap<string, readonly string[]>
  readonly #byStem: ReadonlyMap<string, readonly string[]>

  /** @param except - a folder whose images do not count: the one that is written to */
  constructor(folders: readonly string[], except?: string) {
    this.files = listImages(folders, folders[0]).filter((file) => except === undefined || !isInside(except, file))
    this.#known = new Set(this.files)
    this.#byName = groupBy(this.files, (file) => basename(file).toLowerCase())
    this.#byStem = groupBy(this.files, (file) => stemOf(file).toLowerCase())
  }

  /**
   * The image that an annotation names: at that path seen from the annotation, else by file name, else by file name
   * without extension. Among several the one whose path ends most like the name is taken, then one that `prefer` likes,
   * then the one nearest to the annotation; if that leaves several, none.
   *
   * @param name - a path of any machine, or an address
   * @param annotation - the file that names it
   */
  find(name: string, annotation: string, prefer: (file: string) => boolean = () => false): string | undefined {
    const path = name.replaceAll('\\', '/')
    const folder = dirname(resolve(annotation))
    const direct = resolve(folder, path)
    if (this.#known.has(direct)) return direct
    const file = path.slice(path.lastIndexOf('/') + 1).toLowerCase()
    const stem = file.replace(/\.[^.]*$/, '')
    const candidates = this.#byName.get(file) ?? this.#byStem.get(stem) ?? this.#byStem.get(file) ?? []
    if (candidates.length <= 1) return candidates[0]
    const alike = most(candidates, (each) => commonEnd(each.split(/[\\/]/), path.split('/')))
    const liked = most(alike, (each) => (prefer(each) ? 1 : 0))
    const near = most(liked, (each) => commonStart(each.split(/[\\/]/), folder.split(/[\\/]/)))
    return near.length === 1 ? near[0] : undefined
  }
}

/** Those with the largest value. */
function most(items: readonly string[], of: (item: string) => number): string[] {
  const values = items.map(of)
  const largest = values.reduce((a, b) => Math.max(a, b), 0)
  return items.filter((_, i) => values[i] === largest)
}

function commonStart(a: readonly string[], b: readonly string[]): number {
  let count = 0
  while (count < a.length && count < b.length && a[count] === b[count]) count++
  return count
}

/** Equal last folders; the file names themselves may differ in their extension. */
const commonEnd = (a: readonly string[], b: readonly string[]) =>
  commonStart(a.slice(0, -1).reverse(), b.slice(0, -1).reverse())
