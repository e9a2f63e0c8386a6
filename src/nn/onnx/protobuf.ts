// The little of Protocol Buffers' wire format that an ONNX model needs.

/** A message under construction: fields in the order they are added. */
export class Message {
  private bytes = new Uint8Array(64)
  private length = 0

  /** int32, int64, bool or enum (wire type 0). */
  integer(field: number, value: number | bigint): this {
    this.varint(BigInt(field) << 3n)
    this.varint(BigInt(value))
    return this
  }

  /** float (wire type 5). */
  float(field: number, value: number): this {
    this.varint((BigInt(field) << 3n) | 5n)
    this.reserve(4)
    new DataView(this.bytes.buffer).setFloat32(this.length, value, true)
    this.length += 4
    return this
  }

  /** string, bytes or message (wire type 2). */
  bytesField(field: number, value: string | Uint8Array | Message): this {
    const data =
      typeof value === 'string' ? Buffer.from(value, 'utf8') : value instanceof Message ? value.finish() : value
    this.varint((BigInt(field) << 3n) | 2n)
    this.varint(BigInt(data.length))
    this.reserve(data.length)
    this.bytes.set(data, this.length)
    this.length += data.length
    return this
  }

  /** packed repeated integers. */
  integers(field: number, values: readonly (number | bigint)[]): this {
    const packed = new Message()
    for (const value of values) packed.varint(BigInt(value))
    return this.bytesField(field, packed)
  }

  /** packed repeated floats. */
  floats(field: number, values: readonly number[]): this {
    const view = new DataView(new ArrayBuffer(values.length * 4))
    for (const [i, value] of values.entries()) view.setFloat32(i * 4, value, true)
    return this.bytesField(field, new Uint8Array(view.buffer))
  }

  finish(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  private varint(value: bigint): void {
    this.reserve(10)
    let rest = BigInt.asUintN(64, value)
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
