export { type EmbeddedOptions, type EmbeddedTrainer, embeddedTrainer } from './embedded.ts'
