// Every error that a user can meet is a class in this folder, one file per area; docs/errors.md has one row per code.
export * from './app.ts'
export * from './base.ts'
export * from './data.ts'
export * from './model.ts'
export * from './nn.ts'
export * from './results.ts'
export * from './search.ts'
export * from './train.ts'
