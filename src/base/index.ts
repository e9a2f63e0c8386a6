export { compiledEntry } from './compiled.ts'
export * from './errors/index.ts'
export * from './random/index.ts'
