export { type CommandOptions, commandTrainer } from './command.ts'
export { checkCommand } from './command-line.ts'
export { type EmbeddedOptions, embeddedTrainers } from './embedded.ts'
