export { type RunEvolveOptions, runEvolve } from './run.ts'
