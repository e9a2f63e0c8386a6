// The little of Protocol Buffers' wire format that an ONNX model needs.

/** A message under construction: fields in the order they are added. Big byte fields are kept by reference. */
export class Message {
  /** Finished pieces; what is being written follows in `bytes`. */
  private readonly pieces: Uint8Array[] = []
  private piecesLength = 0
  private bytes = new Uint8Array(48)
  private length = 0

  /** int32, int64, bool or enum (wire type 0). */
  integer(field: number, value: number | bigint): this {
    this.varint(field * 8)
    this.varint(value)
    return this
  }

  /** float (wire type 5). */
  float(field: number, value: number): this {
    this.varint(field * 8 + 5)
    this.reserve(4)
    new DataView(this.bytes.buffer).setFloat32(this.length, value, true)
    this.length += 4
    return this
  }

  /** string, bytes or message (wire type 2). The bytes are read when the whole is finished. */
  bytesField(field: number, value: string | Uint8Array | Message): this {
    this.varint(field * 8 + 2)
    if (value instanceof Message) {
      this.varint(value.size)
      for (const piece of value.pieces) this.append(piece)
      this.append(value.bytes.subarray(0, value.length))
    } else {
      const data = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
      this.varint(data.length)
      this.append(data)
    }
    return this
  }

  /** packed repeated integers. */
  integers(field: number, values: readonly (number | bigint)[]): this {
    const packed = new Message()
    for (const value of values) packed.varint(value)
    return this.bytesField(field, packed)
  }

  /** Number of bytes so far. */
  get size(): number {
    return this.piecesLength + this.length
  }

  /** All bytes in one piece. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.size)
    let at = 0
    for (const piece of this.pieces) {
      whole.set(piece, at)
      at += piece.length
    }
    whole.set(this.bytes.subarray(0, this.length), at)
    return whole
  }

  private append(data: Uint8Array): void {
    if (data.length <= 1024) {
      this.reserve(data.length)
      this.bytes.set(data, this.length)
      this.length += data.length
      return
    }
    if (this.length > 0) {
      this.pieces.push(this.bytes.subarray(0, this.length))
      this.piecesLength += this.length
      this.bytes = new Uint8Array(48)
      this.length = 0
    }
    this.pieces.push(data)
    this.piecesLength += data.length
  }

  private varint(value: number | bigint): void {
    this.reserve(10)
    if (typeof value === 'number' && value >= 0) {
      let rest = value
      while (rest > 127) {
        this.bytes[this.length++] = (rest % 128) | 128
        rest = Math.floor(rest / 128)
      }
      this.bytes[this.length++] = rest
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      this.bytes[this.length++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.bytes[this.length++] = Number(rest)
  }

  private reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}
