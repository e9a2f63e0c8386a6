// Hyperparameters of one training, and their yaml file. Pure: who reads the file passes its text.
import { type Document, isMap, isScalar } from 'yaml'
import { HypFileInvalidError, HypNotNumberError, readYamlDocument, YamlProblem, yamlFloat } from '../base/index.ts'

/** Hyperparameters of trainings are numbers; a search space of another kind may hold choices too. */
export type HypValue = number | string | boolean

/** All hyperparameters of a trial, key to value, in file order. */
export type Hyp = Readonly<Record<string, HypValue>>

/**
 * Reads a hyp yaml file; keeps the order of its keys. Comments (as in hyp_evolve.yaml) are skipped.
 *
 * @param source - what messages call the file
 * @throws {@link HypFileInvalidError} if it is no yaml map, or names a key twice
 * @throws {@link HypNotNumberError} if a value is text, NaN, infinite or missing
 */
export function parseHyp(text: string, source: string): Hyp {
  let document: Document.Parsed
  try {
    document = readYamlDocument(text)
  } catch (error) {
    if (!(error instanceof YamlProblem)) throw error
    throw new HypFileInvalidError(source, `${error.message}.`, { cause: error })
  }
  if (!isMap(document.contents)) {
    throw new HypFileInvalidError(
      source,
      document.contents === null ? 'it is empty.' : 'it is not a list of names and values.',
    )
  }
  const entries = document.contents.items.map(({ key, value }) => {
    const name = String(isScalar(key) ? key.value : key)
    const number = isScalar(value) ? value.value : undefined
    if (typeof number === 'number' && Number.isFinite(number)) return [name, number] as const
    const written = isScalar(value) && value.source !== undefined ? JSON.stringify(value.source) : 'none or a list'
    throw new HypNotNumberError(source, name, written)
  })
  return Object.fromEntries(entries)
}

/** A hyp as yaml, as PyYAML writes a dict of floats: `lr0: 0.01`, `anchors: 3.0`, one line each, in order. */
export function formatHyp(hyp: Hyp): string {
  return Object.entries(hyp)
    .map(([key, value]) => `${key}: ${typeof value === 'number' ? yamlFloat(value) : JSON.stringify(value)}\n`)
    .join('')
}
