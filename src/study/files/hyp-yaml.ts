// Hyps as yaml: whole files as PyYAML writes them, and new values put into an existing file.
import { stringify } from 'yaml'
import { yamlFloat } from '../../base/index.ts'
import type { Hyp, HypValue } from '../../search/index.ts'

/** A value as yaml: floats as PyYAML writes them (`3.0`, `1.0e-05`), texts quoted where they must be. */
export const yamlValue = (value: HypValue): string =>
  typeof value === 'number' ? yamlFloat(value) : stringify(value, { lineWidth: 0 }).trimEnd()

const yamlKey = (key: string) => (/^[A-Za-z_][\w./-]*$/.test(key) ? key : JSON.stringify(key))

/** `key: value` lines in the order of the hyp. */
export const yamlLines = (hyp: Hyp): string =>
  Object.entries(hyp)
    .map(([key, value]) => `${yamlKey(key)}: ${yamlValue(value)}\n`)
    .join('')
