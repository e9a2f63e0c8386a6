export { type CommandOptions, commandTrainer, commandTraits } from './command.ts'
export { type CommandFacts, checkCommand, checkShellCommand, commandEnvironment, fillCommand } from './command-line.ts'
export { type EmbeddedOptions, embeddedTrainers, embeddedTraits } from './embedded.ts'
export { type CsvOptions, type CsvRow, followCsv, metricKinds, type Names, parseMetrics } from './metrics/index.ts'
