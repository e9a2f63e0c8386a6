// Where golden cases come from: HYPEVOLVE_REFERENCE, or the compact copy beside this file. Both have the folders
// `training/…` and `evolve/…` with the same relative names and formats.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

/** Root of the golden cases. */
export const referenceRoot = process.env.HYPEVOLVE_REFERENCE ?? fileURLToPath(new URL('./reference', import.meta.url))

/** Absolute path of a reference file or folder, as 'training/loss/cases.json'. */
export const referencePath = (relative: string) => join(referenceRoot, relative)

export const readReferenceJson = <T = any>(relative: string): T =>
  JSON.parse(readFileSync(referencePath(relative), 'utf8')) as T

/** File names below a reference folder that match, sorted; empty if the folder is absent. */
export const referenceFiles = (folder: string, match: RegExp): string[] =>
  existsSync(referencePath(folder))
    ? readdirSync(referencePath(folder))
        .filter((name) => match.test(name))
        .sort()
    : []

/**
 * A golden suite over a reference folder: says how many cases it read, fails if the folder exists without any, and
 * is skipped (loudly) only if this case set does not have the folder at all.
 */
export function golden<Case>(
  folder: string,
  title: string,
  read: () => readonly Case[],
  body: (cases: readonly Case[]) => void,
): void {
  const exists = existsSync(referencePath(folder))
  const cases = exists ? read() : []
  describe(`golden ${folder}: ${title} (${cases.length} cases)`, () => {
    if (!exists) {
      if (referenceRoot !== process.env.HYPEVOLVE_REFERENCE)
        it('has its folder', () => expect.fail(`${referencePath(folder)} is missing`))
      else it.skip(`absent from ${referenceRoot}`, () => {})
      return
    }
    it('has cases', () => expect(cases.length).toBeGreaterThan(0))
    body(cases)
  })
}
