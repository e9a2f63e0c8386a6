// How each release draws and tells of its evolution.
import type { Size } from './chart.ts'

export interface EvolveStyleSpec {
  /** Pixels of evolve.png. */
  readonly size: Size
  /** Panels side by side and one below the other; other numbers of panels get a grid of their own. */
  readonly grid: { readonly columns: number; readonly rows: number }
  /** Points coloured by how crowded they lie and the best a black `+`; or plain dots over a large one at the best. */
  readonly points: 'density' | 'plain'
  /** Panels with labels at the y axis. */
  readonly yTicks: 'first column' | 'all'
  /** Lines before and after those of the hyperparameters on the console. */
  readonly before: (facts: EvolveTextFacts) => string
  readonly after: (facts: EvolveTextFacts) => string
}

/** What the console text beside the picture names. */
export interface EvolveTextFacts {
  /** Index of the best row. */
  readonly bestIndex: number
  /** Names of the table and the picture, as they are printed. */
  readonly table: string
  readonly picture: string
}

const nothing = () => ''
const plotSaved = ({ picture }: EvolveTextFacts) => `\nPlot saved as ${picture}\n`
const saved = ({ picture }: EvolveTextFacts) => `Saved ${picture}\n`

const tall = {
  size: { width: 2000, height: 2400 },
  grid: { columns: 5, rows: 6 },
  points: 'density',
  yTicks: 'first column',
} as const

/**
 * By the first release that has it. `yolov3` also is that of yolov3 v6 to v8 and YOLOv5 v1.0 and v2.0, `yolov5-v3.1` that
 * of v4.0, v5.0 and yolov3 v9.0 to v9.5.0. Source: reference/evolve/plot_evolve.
 */
export const evolveStyles = {
  yolov3: {
    size: { width: 2400, height: 2000 },
    grid: { columns: 5, rows: 4 },
    points: 'plain',
    yTicks: 'all',
    before: nothing,
    after: nothing,
  },
  'yolov5-v3.0': {
    ...tall,
    size: { width: 2000, height: 2000 },
    grid: { columns: 5, rows: 5 },
    before: nothing,
    after: plotSaved,
  },
  'yolov5-v3.1': { ...tall, before: nothing, after: plotSaved },
  'yolov5-v6.0': { ...tall, before: nothing, after: saved },
  'yolov5-v6.1': {
    ...tall,
    before: ({ bestIndex, table }) => `Best results from row ${bestIndex} of ${table}:\n`,
    after: saved,
  },
} as const satisfies Record<string, EvolveStyleSpec>

export type EvolveStyle = keyof typeof evolveStyles
