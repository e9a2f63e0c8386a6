// Reads the metadata of an ONNX file, which ONNX Runtime keeps to itself: entries of ModelProto's field 14.

const METADATA_PROPS = 14

/**
 * Text by name. Of a file that is no ONNX model, or cut off, what was found up to there: the runtime is the one to refuse it.
 */
export function readOnnxMetadata(bytes: Uint8Array): Map<string, string> {
  const metadata = new Map<string, string>()
  for (const { field, content } of fieldsOf(bytes)) {
    if (field !== METADATA_PROPS || !content) continue
    let [key, value] = ['', '']
    for (const entry of fieldsOf(content)) {
      const text = entry.content ? Buffer.from(entry.content).toString('utf8') : ''
      if (entry.field === 1) key = text
      else if (entry.field === 2) value = text
    }
    metadata.set(key, value)
  }
  return metadata
}

/** Fields of a message of Protocol Buffers; `content` of those that have a length. Ends at the first that is broken. */
function* fieldsOf(bytes: Uint8Array): Generator<{ field: number; content?: Uint8Array }> {
  let at = 0
  /** Undefined if it is cut off or too large to be a place in a file. */
  const varint = (): number | undefined => {
    let value = 0
    for (let factor = 1; at < bytes.length && factor < 2 ** 70; factor *= 128) {
      const byte = bytes[at++]!
      value += (byte & 127) * factor
      if (byte < 128) return value
    }
    return undefined
  }
  while (at < bytes.length) {
    const tag = varint()
    if (tag === undefined) return
    const field = Math.floor(tag / 8)
    const wire = tag % 8
    if (wire === 2) {
      const length = varint()
      if (length === undefined || length > bytes.length - at) return
      yield { field, content: bytes.subarray(at, at + length) }
      at += length
    } else if (wire === 0) {
      if (varint() === undefined) return
      yield { field }
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4
      yield { field }
    } else return
  }
}
