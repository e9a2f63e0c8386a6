// A guard before the yaml parser, for texts that a person or another program hands us.

/** No file that we read nests anywhere near this deep. */
const allowedDepth = 200

/**
 * Whether a yaml text may nest so deep that parsing it would overflow the stack. The parser is recursive, and an overflow
 * inside it can end the whole process: Node cannot compile a regular expression without stack, and then aborts.
 * Counts all that can open a level, so a text of more than 200 brackets is refused too even if it closes each.
 */
export function isYamlNestedTooDeep(text: string): boolean {
  const brackets = text.match(/[[{]/g)?.length ?? 0
  if (brackets > allowedDepth) return true
  for (const line of text.split('\n')) {
    if (line.length <= allowedDepth || line.trimStart().startsWith('#')) continue // a level takes a character, at least
    if ((line.match(/[-?:](?=\s|$)/g)?.length ?? 0) > allowedDepth) return true
    if (/^ */.exec(line)![0].length > allowedDepth) return true
  }
  return false
}
