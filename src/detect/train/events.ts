// What a training tells while it runs. Plain data (structured-clone safe): events cross a process boundary.

/** The seven numbers of an epoch in v7.0's order, and F1. All but the losses lie in [0, 1]. */
export interface EpochResults {
  readonly precision: number
  readonly recall: number
  readonly mAP50: number
  readonly mAP50to95: number
  readonly valBoxLoss: number
  readonly valObjLoss: number
  readonly valClsLoss: number
}

/** One row of the class table of a validation; `name` is 'all' in the first. */
export interface ClassRow {
  readonly name: string
  readonly images: number
  readonly instances: number
  readonly precision: number
  readonly recall: number
  readonly f1: number
  readonly mAP50: number
  readonly mAP50to95: number
}

/** Curves over confidence (1000 points from 0 to 1) and recall, per class that occurs, for figures. */
export interface ValCurves {
  readonly names: readonly string[]
  /** Confidence or recall axis, 1000 points in [0, 1]. */
  readonly x: readonly number[]
  /** Precision over recall at IoU 0.5, one row per class. */
  readonly precisionOverRecall: readonly (readonly number[])[]
  readonly f1: readonly (readonly number[])[]
  readonly precision: readonly (readonly number[])[]
  readonly recall: readonly (readonly number[])[]
  /** Average precision at IoU 0.5 per class. */
  readonly ap50: readonly number[]
  /** [nc + 1][nc + 1] counts, predicted (row) against true (column), last = background. */
  readonly confusion: readonly (readonly number[])[]
}

/** A batch of images with boxes, for a picture. */
export interface BatchImages {
  readonly kind: 'train' | 'val-labels' | 'val-predictions'
  readonly index: number
  /** uint8 RGB, [batch, 3, height, width]. */
  readonly images: Uint8Array
  readonly batch: number
  readonly height: number
  readonly width: number
  /** Rows of 7: image index, class, x, y, width, height (pixels, centre form), confidence (1 for labels). */
  readonly boxes: Float32Array
  readonly files: readonly string[]
}

export type TrainEvent =
  | { readonly type: 'message'; readonly level: 'info' | 'warning'; readonly text: string }
  /** Work before the first epoch or between epochs: reading labels, decoding images, searching anchors. */
  | {
      readonly type: 'stage'
      readonly stage: string
      readonly done: number
      readonly total: number
      readonly perSecond?: number
    }
  | {
      readonly type: 'start'
      readonly startEpoch: number
      readonly epochs: number
      readonly batches: number
      readonly names: readonly string[]
      readonly images: { readonly train: number; readonly val: number }
      readonly imagePx: { readonly train: number; readonly val: number }
      /** Layer table as text, one line per layer. */
      readonly modelTable: readonly string[]
      readonly parameters: number
      readonly gflops: number
      readonly device: string
      readonly saveDir?: string
    }
  | {
      readonly type: 'labels'
      readonly names: readonly string[]
      /** Rows of 5: class, x, y, width, height, normalised. */
      readonly boxes: Float32Array
    }
  | { readonly type: 'batch-images'; readonly batch: BatchImages }
  | {
      readonly type: 'batch'
      readonly epoch: number
      readonly batch: number
      readonly batches: number
      /** Running means of this epoch: box, obj, cls. */
      readonly losses: readonly [number, number, number]
      readonly instances: number
      readonly imagePx: number
      readonly memoryBytes: number
    }
  | { readonly type: 'val-batch'; readonly batch: number; readonly batches: number }
  | { readonly type: 'val'; readonly rows: readonly ClassRow[]; readonly final: boolean }
  | {
      readonly type: 'epoch'
      readonly epoch: number
      readonly epochs: number
      readonly trainLosses: readonly [number, number, number]
      /** Undefined if this epoch was not validated. */
      readonly results?: EpochResults
      readonly fitness?: number
      readonly best: boolean
      /** Learning rates of the three groups at the end of the epoch: bias, decayed, norm (v7.0's lr0, lr1, lr2). */
      readonly lr: readonly [number, number, number]
      readonly seconds: { readonly train: number; readonly val: number; readonly waitForData: number }
    }
  | { readonly type: 'curves'; readonly curves: ValCurves }
  | { readonly type: 'checkpoint'; readonly path: string; readonly epoch: number; readonly best: boolean }

/** What a training ends with. */
export interface TrainResult {
  /** Results of the last epoch that was validated: what v7.0's evolution takes as fitness. */
  readonly results: EpochResults
  readonly fitness: number
  readonly bestFitness: number
  readonly bestEpoch: number
  /** Epochs done, less than asked after an early stop or interruption. */
  readonly epochs: number
  /** 'interrupted' leaves a checkpoint that `resume` continues. */
  readonly ended: 'finished' | 'early-stop' | 'interrupted'
  readonly saveDir?: string
  readonly seconds: number
}
