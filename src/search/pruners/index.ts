// The registry of pruners: its keys are the choices of the command line, its schemas check their options.
import { hyperband } from './hyperband.ts'
import { median } from './median.ts'
import { none } from './none.ts'
import { successiveHalving } from './successive-halving.ts'

export const pruners = { none, hyperband, 'successive-halving': successiveHalving, median }

export type PrunerName = keyof typeof pruners
