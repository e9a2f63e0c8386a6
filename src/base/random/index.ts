export { NumpyRandom, type NumpyRandomState } from './numpy-random.ts'
export { PythonRandom, type PythonRandomState } from './python-random.ts'
export { type Random, randomFor } from './random.ts'
