// What a reader of annotations yields, whatever the format: images with objects, and what was left out and why.
import type { Split } from '../data/index.ts'
import type { Corners } from './geometry.ts'
import type { ImageFinder } from './image-finder.ts'

/** An object as it was annotated. Coordinates are those of {@link SourceImage.frame}. */
export interface SourceObject {
  readonly label: string
  readonly box: Corners
  /** Its outline, where the source has one: x, y, x, y, … */
  readonly polygon?: readonly number[]
}

export interface SourceImage {
  /** The image on this machine, absolute. */
  readonly file: string
  /** What coordinates are measured in: the image's size as the source tells it, 1 × 1, or undefined: the file's pixels. */
  readonly frame: { readonly width: number; readonly height: number } | undefined
  readonly objects: readonly SourceObject[]
  readonly split?: Split
}

export interface SourceSet {
  /** Classes in the order of the source; where it has none, by name. */
  readonly names: readonly string[]
  readonly images: readonly SourceImage[]
}

/** Why something of a source is not in the result. */
export const leftOut = {
  difficult: 'objects marked as difficult',
  crowd: 'crowds (iscrowd)',
  'zero-area': 'objects without area',
  outside: 'objects outside their image',
  shape: 'points, lines and other shapes without area',
  mask: 'masks without an outline',
  unlabelled: 'objects without a label',
  unnamed: 'objects of classes that --names leaves out',
  duplicate: 'objects that are there twice',
  unreadable: 'entries that make no sense',
  superseded: 'further annotations of one image',
  'image-missing': 'annotated images that were not found',
  'image-corrupt': 'images that cannot be decoded',
} as const
export type LeftOutReason = keyof typeof leftOut

/** Counts what is left out, with the first place of each kind. */
export class Tally {
  readonly #rows = new Map<LeftOutReason, { count: number; example: string }>()

  /** @param place - where it is, for a person to look at */
  add(reason: LeftOutReason, place: string, count = 1): void {
    const row = this.#rows.get(reason)
    if (row) row.count += count
    else this.#rows.set(reason, { count, example: place })
  }

  count(reason: LeftOutReason): number {
    return this.#rows.get(reason)?.count ?? 0
  }

  get rows(): { readonly reason: LeftOutReason; readonly count: number; readonly example: string }[] {
    return [...this.#rows].map(([reason, row]) => ({ reason, ...row }))
  }
}

export interface ReadContext {
  readonly images: ImageFinder
  readonly tally: Tally
  /** Things worth knowing that cost nothing, one sentence each. */
  readonly note: (text: string) => void
  readonly onProgress: (done: number, total: number) => void
}

/** A format of annotations. A new one is a file in `formats/` and a line in its index. */
export interface AnnotationFormat {
  /** As people call it. */
  readonly title: string
  /**
   * Reads a file or folder.
   *
   * @throws AnnotationFileError, AnnotationSourceError
   */
  read(source: string, context: ReadContext): Promise<SourceSet>
}
