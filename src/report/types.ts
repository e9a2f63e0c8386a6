// What the figures are drawn from: plain numbers, typed arrays and names. Nothing here needs a trainer or a study.

/** The table of an evolution as a figure sees it. */
export interface EvolveTable {
  /** Hyperparameter names, one panel each. */
  readonly keys: readonly string[]
  /** One row per trial, values in the order of `keys`; NaN or `undefined` where there is none. */
  readonly rows: readonly ArrayLike<number | string | boolean | undefined>[]
  /** One per row; NaN rows are left out of the picture. */
  readonly fitness: ArrayLike<number>
  /** Index of the row that is marked as the best; -1 or NaN fitness: no mark. */
  readonly bestIndex: number
}

/** `results.csv`: one row per epoch, columns by title (`train/box_loss`, `metrics/mAP_0.5`, …; blanks around are ignored). */
export interface ResultsTable {
  readonly columns: readonly string[]
  readonly rows: readonly ArrayLike<number>[]
}

/** Curves of one validation. `rows` hold one curve per class that occurs, in the order of `classes`. */
export interface ClassCurves {
  /** Abscissa in [0, 1]: recall for the PR curve, confidence for the others (1000 points in v7.0). */
  readonly x: ArrayLike<number>
  /** One curve per class, as long as `x`. */
  readonly rows: readonly ArrayLike<number>[]
  /** Class index of each row. Default: row i is class i. */
  readonly classes?: ArrayLike<number>
  /** AP at IoU 0.5 of each row; only the PR curve's legend uses it. */
  readonly ap50?: ArrayLike<number>
  /** Names of all classes. */
  readonly names: readonly string[]
}

/** Counts, `matrix[predicted][true]`, (nc + 1) × (nc + 1); the last row and column are the background. */
export interface ConfusionTable {
  readonly matrix: readonly ArrayLike<number>[]
  /** Names of the nc classes. */
  readonly names: readonly string[]
}

/** All labels of a data set. */
export interface LabelTable {
  /** [n, 5] flat: class, x, y, w, h; centre and size normalised to [0, 1]. */
  readonly labels: ArrayLike<number>
  readonly names: readonly string[]
}

/** How large the boxes and images of a data set are. */
export interface SizeTable {
  /** [n, 2] flat: width and height of boxes in pixels at training size. */
  readonly boxesPx: ArrayLike<number>
  /** [k, 2] flat: anchors in pixels. */
  readonly anchorsPx: ArrayLike<number>
  /** Boxes of each image. */
  readonly boxesPerImage: ArrayLike<number>
  /** [n, 2] flat: width and height of the images as they are. */
  readonly imageSizes: ArrayLike<number>
  /** Training size, for the titles. */
  readonly imagePx: number
}

/**
 * How the bytes of a batch lie. `plain` and `blocked` are the layouts of `nn`:
 * - plain: uint8 RGB [N, 3, H, W]
 * - nhwc: uint8 RGB [N, H, W, 3]
 * - blocked: uint8 [N, 16 / block, H/2, W/2, block], logical channel (dy · 2 + dx) · 3 + c of the space-to-depth image
 */
export type PictureLayout =
  | { readonly kind: 'plain' }
  | { readonly kind: 'nhwc' }
  | { readonly kind: 'blocked'; readonly block: 8 | 16 }

/** A batch of images with boxes; a training batch of `detect` fits as it is (`targets` → `boxes`). */
export interface BatchPicture {
  readonly images: Uint8Array
  readonly layout: PictureLayout
  readonly batch: number
  readonly height: number
  readonly width: number
  /** Flat rows of `columns` numbers: image index in the batch, class, x, y, w, h (centre form), and with 7 columns the confidence. */
  readonly boxes: ArrayLike<number>
  /** Columns of `boxes`. Default 6. */
  readonly columns?: 6 | 7
  /** Of x, y, w, h. Default 'normalised' (to the image). */
  readonly units?: 'normalised' | 'pixels'
  readonly names: readonly string[]
  /** File paths or names of the images, written into the corner of each. */
  readonly paths?: readonly string[]
  /** Whether the confidence stands after the name. Default: with 7 columns yes. Labels with a confidence of 1 say no. */
  readonly showConfidence?: boolean
  /** Boxes below this confidence are not drawn (only with 7 columns). Default 0.25. */
  readonly minConfidence?: number
}

/** What the picture of two objectives is drawn from. */
export interface FrontTable {
  readonly title: string
  /** Name of the second objective. */
  readonly x: string
  /** Name of the first, of which more is better. */
  readonly y: string
  /** Whether less of the second is better. */
  readonly minimize: boolean
  readonly points: readonly {
    /** Of the trial. */
    readonly number: number
    readonly first: number
    /** As it was measured. */
    readonly second: number
    /** `broken`: it breaks a constraint. */
    readonly kind: 'front' | 'behind' | 'broken'
    readonly isStart: boolean
  }[]
}

/** What the importance of hyperparameters is drawn from. Shares lie in [0, 1]. */
export interface ImportanceTable {
  readonly title: string
  /** What the values of the effects are, as `fitness`. */
  readonly score: string
  /** Most important first. */
  readonly keys: readonly {
    readonly key: string
    readonly importance: number
    readonly low: number
    readonly high: number
    /** With others. */
    readonly total: number
    /** From nothing. */
    readonly distinguishable: boolean
    readonly effect: readonly {
      readonly value: number | string | boolean
      readonly mean: number
      readonly low: number
      readonly high: number
    }[]
    /** Value of the best trial. */
    readonly best?: number | string | boolean | undefined
  }[]
  /** Strongest first. */
  readonly pairs: readonly {
    readonly keys: readonly string[]
    readonly importance: number
    readonly low: number
    readonly high: number
    readonly distinguishable: boolean
  }[]
}
