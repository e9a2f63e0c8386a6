export { compiledEntry } from './compiled.ts'
export * from './errors/index.ts'
