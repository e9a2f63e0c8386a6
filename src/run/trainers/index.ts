export { type CommandOptions, commandTrainer } from './command.ts'
export { type CommandFacts, checkCommand, commandEnvironment, fillCommand } from './command-line.ts'
export { type EmbeddedOptions, embeddedTrainers } from './embedded.ts'
