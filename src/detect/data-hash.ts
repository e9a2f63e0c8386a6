// Whether a data set is still the same, found out without opening an image.
import { createHash } from 'node:crypto'
import { statSync } from 'node:fs'
import { relative } from 'node:path'
import { ensureDataset } from './assets/index.ts'
import { labelPath, listImages, readDatasetYaml } from './data/index.ts'

/**
 * A hash of the data set's class names and of path, size and time of change of every image and label file, 32 hexadecimal
 * digits. Paths count from the data set's root, so that a copy with its times (rsync -a, cp -a) is the same.
 *
 * @param data - data set yaml; the built-in 'digits' never changes and hashes to its name
 * @throws DatasetFileInvalidError, DatasetPathMissingError, and as `ensureDataset`, which it waits for
 */
export async function datasetHash(data: string): Promise<string> {
  if (data === 'digits') return data
  await ensureDataset(data)
  const { root, names, train, val } = readDatasetYaml(data)
  const hash = createHash('sha256').update(JSON.stringify(names))
  const add = (file: string) => {
    const stat = statSync(file, { throwIfNoEntry: false })
    hash.update(`${relative(root, file)}\0${stat ? `${stat.size}\0${stat.mtimeMs}` : 'missing'}\n`)
  }
  for (const places of [train, val]) {
    hash.update('split\n')
    const images = listImages(places, root)
    for (let i = 0; i < images.length; i++) {
      add(images[i]!)
      add(labelPath(images[i]!))
      if (i % 1000 === 999) await new Promise(setImmediate)
    }
  }
  return hash.digest('hex').slice(0, 32)
}
