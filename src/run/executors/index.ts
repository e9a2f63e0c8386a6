export { localExecutor } from './local.ts'
