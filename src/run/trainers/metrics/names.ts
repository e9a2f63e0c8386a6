// Which of a program's own names becomes which metric, and where its files are.
import { isAbsolute, join } from 'node:path'

/** The program's name (title, path in an object) by the metric that it becomes. */
export type Names = Readonly<Record<string, string>>

/** The program's names that were never seen. */
export const missingNames = (names: Names, isThere: (name: string) => boolean): string[] =>
  Object.values(names).filter((name) => !isThere(name))

/** A path of `--metrics`: relative to the folder that the program writes into, which `{out}` names too. */
export function fileIn(out: string, path: string): string {
  const filled = path.replaceAll('{out}', out)
  return isAbsolute(filled) ? filled : join(out, filled)
}
