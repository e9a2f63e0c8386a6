// Opens what `data stats` and `data check` look at.
import type { DataPool } from '../../detect/index.ts'
import { fetchAssets } from '../fetch-assets.ts'
import { workerCount } from '../train-options.ts'

/**
 * The definition of a data set and a pool of threads to read it with, for as long as `look` takes.
 *
 * @param data - a data set file, or `digits`
 */
export async function withDataset<T>(
  data: string,
  workers: number,
  look: (
    detect: typeof import('../../detect/index.ts'),
    definition: ReturnType<typeof import('../../detect/index.ts').readDatasetYaml>,
    pool: DataPool,
  ) => Promise<T>,
): Promise<T> {
  const detect = await import('../../detect/index.ts')
  if (data !== 'digits') await fetchAssets({ data })
  const definition = detect.readDatasetYaml(data === 'digits' ? await detect.ensureDigits() : data)
  const pool = detect.createDataPool(workerCount(workers, 16))
  try {
    return await look(detect, definition, pool)
  } finally {
    await pool.close()
  }
}
