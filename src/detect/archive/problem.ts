// What is common to archives: how they are refused, and which names may be written.

/** Something in an archive that is wrong. Who unpacks it says which file it was. */
export class ArchiveProblem extends Error {}

/** How much an archive may hold. */
export interface ArchiveLimits {
  /** All files together may unpack to so many times the size of the archive. */
  readonly growth: number
  /** Or to this many bytes, however small it is. */
  readonly least: number
  readonly files: number
}

/** Texts shrink to a tenth, images not at all: no data set comes near this. */
export const dataLimits: ArchiveLimits = { growth: 40, least: 64 << 20, files: 1_000_000 }

/**
 * The parts of a path within an archive, '.' left out.
 *
 * @throws {@link ArchiveProblem} for one that leads elsewhere, on whatever system
 */
export function safeParts(name: string): string[] {
  // Backslashes and colons lead elsewhere on Windows.
  const parts = name.split('/').filter((part, index) => part !== '.' && (part !== '' || index === 0))
  if (name.startsWith('/') || /[\\\0:]/.test(name) || parts.includes('..') || name.length > 4096)
    throw new ArchiveProblem(`the name "${shown(name)}" in it leads out of the archive.`)
  return parts.filter((part) => part !== '')
}

export const shown = (name: string) =>
  (name.length > 80 ? `${name.slice(0, 77)}…` : name).replace(/[^\x20-\x7e…]/g, '?')
