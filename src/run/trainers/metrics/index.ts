// Where programs say what they measured. One reader per training; docs/command-trainer.md is the manual.
export { type CsvOptions, type CsvRow, followCsv } from './csv.ts'
export { jsonLines } from './json-lines.ts'
export type { Names } from './names.ts'
export { metricKinds, parseMetrics } from './parse.ts'
