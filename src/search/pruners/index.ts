// The registry of pruners: its keys are the choices of the command line, its schemas check their options.
import { none } from './none.ts'

export const pruners = { none }

export type PrunerName = keyof typeof pruners
