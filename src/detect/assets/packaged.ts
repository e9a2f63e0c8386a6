// Data set files that come with the package: names of classes, places, and where the images are published.
import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../../assets/data/', import.meta.url))

/** Names of the packaged data set files. */
export const packagedDatasets = (): string[] => readdirSync(folder).sort()

/** The packaged data set file with the base name of a file that is not there. */
export function packagedDataset(file: string): string | undefined {
  const name = basename(file)
  return packagedDatasets().includes(name) ? `${folder}${name}` : undefined
}
