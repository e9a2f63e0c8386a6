// A guard before the yaml parser, for texts that a person or another program hands us.

/** No file that we read nests anywhere near this deep. */
const allowedDepth = 200

/**
 * Whether a yaml text may nest so deep that parsing it would overflow the stack. The parser is recursive, and an overflow
 * inside it can end the whole process: Node cannot compile a regular expression without stack, and then aborts.
 *
 * It errs on the careful side: after the first quote, behind which a bracket may be text, no bracket closes a level.
 */
export function isYamlNestedTooDeep(text: string): boolean {
  let depth = 0
  let quoted = false
  for (const line of text.split('\n')) {
    if (line.trimStart().startsWith('#')) continue
    const used = quoted ? line : line.replace(/^([^'"]*?)\s#.*$/, '$1')
    for (const [mark] of used.matchAll(/[[\]{}'"]/g)) {
      if (mark === "'" || mark === '"') quoted = true
      else if (mark === '[' || mark === '{') depth++
      else if (!quoted && depth > 0) depth--
      if (depth > allowedDepth) return true
    }
    if (line.length <= allowedDepth) continue // a level takes a character, at least
    if ((line.match(/[-?:](?=\s|$)/g)?.length ?? 0) > allowedDepth) return true
    if (/^ */.exec(line)![0].length > allowedDepth) return true
  }
  return false
}
