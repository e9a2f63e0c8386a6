// Figures: functions from plain numbers to the bytes of a PNG or JPEG. Importing this loads neither ECharts nor canvas;
// the first figure drawn does.

import { batchFigure, boxesOfDetections } from './batch.ts'
import { confusionFigure } from './confusion.ts'
import { f1Figure, precisionFigure, precisionRecallFigure, recallFigure } from './curves.ts'
import { evolveFigure, evolveText } from './evolve.ts'
import { frontFigure } from './front.ts'
import { importanceFigure } from './importance.ts'
import { labelsCorrelogram, labelsFigure } from './labels.ts'
import { resultsFigure } from './results.ts'
import { sizesFigure } from './sizes.ts'

export {
  cropFigure,
  type DetectionsPicture,
  type DrawnBox,
  detectionsFigure,
  detectionsPixels,
  type PictureFormat,
} from './detections.ts'
export type { EvolveStyle } from './evolve-styles.ts'
export type {
  BatchPicture,
  ClassCurves,
  ConfusionTable,
  EvolveTable,
  FrontTable,
  ImportanceTable,
  LabelTable,
  PictureLayout,
  ResultsTable,
  SizeTable,
} from './types.ts'
export {
  batchFigure,
  boxesOfDetections,
  confusionFigure,
  evolveFigure,
  evolveText,
  f1Figure,
  frontFigure,
  importanceFigure,
  labelsCorrelogram,
  labelsFigure,
  precisionFigure,
  precisionRecallFigure,
  recallFigure,
  resultsFigure,
  sizesFigure,
}

/** All figures by name, with the file that YOLOv5 users look for. `batch` serves train_batch*.jpg and val_batch*_{labels,pred}.jpg. */
export const figures = {
  evolve: { file: 'evolve.png', draw: evolveFigure },
  results: { file: 'results.png', draw: resultsFigure },
  'pr-curve': { file: 'PR_curve.png', draw: precisionRecallFigure },
  'f1-curve': { file: 'F1_curve.png', draw: f1Figure },
  'p-curve': { file: 'P_curve.png', draw: precisionFigure },
  'r-curve': { file: 'R_curve.png', draw: recallFigure },
  confusion: { file: 'confusion_matrix.png', draw: confusionFigure },
  labels: { file: 'labels.jpg', draw: labelsFigure },
  sizes: { file: 'sizes.png', draw: sizesFigure },
  correlogram: { file: 'labels_correlogram.jpg', draw: labelsCorrelogram },
  front: { file: 'front.png', draw: frontFigure },
  importance: { file: 'importance.png', draw: importanceFigure },
  batch: { file: 'train_batch0.jpg', draw: batchFigure },
} as const

export type FigureName = keyof typeof figures

/**
 * One line for the console if some of these names (class names, hyp keys) hold glyphs that no font here has; call it once
 * per run. The figures are drawn all the same, with the class index before such a name.
 */
export async function fontHint(texts: readonly string[]): Promise<string | undefined> {
  if (texts.every((text) => /^[\x20-\x7e]*$/.test(text))) return undefined
  return (await import('./fonts.ts')).fontHint(texts)
}
