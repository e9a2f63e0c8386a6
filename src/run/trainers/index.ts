export { type CommandOptions, commandTrainer } from './command.ts'
export { type CommandFacts, checkCommand, checkShellCommand, commandEnvironment, fillCommand } from './command-line.ts'
export { type EmbeddedOptions, embeddedTrainers } from './embedded.ts'
export { type CsvOptions, type CsvRow, followCsv, metricKinds, type Names, parseMetrics } from './metrics/index.ts'
