// Pictures of one split that are in another as well, or nearly so: what is trained on must not be what is measured on.
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { ImageUnreadableError } from '../../base/index.ts'
import { groupBy, mapConcurrently } from './files.ts'
import { correlation, type Fingerprint, fingerprint } from './fingerprint.ts'
import { HashIndex } from './hash-index.ts'

/** An image and the one that it is like. */
export interface LikePair {
  readonly file: string
  readonly other: string
  /** Correlation of the small grey pictures, up to 1; undefined for files of equal bytes. */
  readonly similarity?: number
}

/** So many candidates are looked at for one image: where all pictures are alike, the first will do. */
const mostCandidates = 256

/** An image's fingerprint, or undefined if it cannot be decoded or shows nothing. */
export async function fingerprints(
  files: readonly string[],
  onProgress?: (done: number, total: number) => void,
): Promise<(Fingerprint | undefined)[]> {
  return mapConcurrently(
    files,
    async (file) => {
      try {
        const print = await fingerprint(file)
        return print.flat ? undefined : print
      } catch (error) {
        if (error instanceof ImageUnreadableError) return undefined
        throw error
      }
    },
    onProgress,
  )
}

/**
 * For each image of one set the image of another set that is most like it, if one is.
 *
 * @param similarity - least correlation, up to 1
 */
export function likePairs(
  [files, prints]: readonly [readonly string[], readonly (Fingerprint | undefined)[]],
  [others, otherPrints]: readonly [readonly string[], readonly (Fingerprint | undefined)[]],
  similarity: number,
): LikePair[] {
  const known = otherPrints.flatMap((print, i) => (print ? [{ file: others[i], print }] : []))
  const index = new HashIndex(known.map(({ print }) => print.hash))
  return files.flatMap((file, i): LikePair[] => {
    const print = prints[i]
    if (!print) return []
    let best: LikePair | undefined
    let looked = 0
    for (const place of index.near(print.hash)) {
      const value = correlation(print, known[place].print)
      if (value >= similarity && value > (best?.similarity ?? -1))
        best = { file, other: known[place].file, similarity: value }
      if (++looked === mostCandidates) break
    }
    return best ? [best] : []
  })
}

/** Images of one set whose file is byte for byte in another. Only files of equal size are read. */
export async function equalFiles(files: readonly string[], others: readonly string[]): Promise<LikePair[]> {
  const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? -1
  const known = new Set(others)
  const bySize = groupBy(others, sizeOf)
  const digests = new Map<string, Promise<string>>()
  const digestOf = (file: string) => {
    let digest = digests.get(file)
    if (!digest) digests.set(file, (digest = digestFile(file)))
    return digest
  }
  const pairs = await mapConcurrently(files, async (file): Promise<LikePair | undefined> => {
    if (known.has(file)) return { file, other: file }
    const size = sizeOf(file)
    if (size < 0) return undefined
    for (const other of bySize.get(size) ?? [])
      if ((await digestOf(other)) === (await digestOf(file))) return { file, other }
    return undefined
  })
  return pairs.filter((pair) => pair !== undefined)
}

async function digestFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}
