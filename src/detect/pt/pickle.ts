// Writes pickles of protocol 2, as torch.save does: plain values, objects by the names of their classes, calls.

/** A value to pickle. Numbers that are whole become integers; {@link PyFloat} keeps a whole number a float. */
export type PyValue =
  | null
  | boolean
  | number
  | string
  | readonly PyValue[]
  | ReadonlyMap<PyValue, PyValue>
  | PyFloat
  | PyTuple
  | PyGlobal
  | PyCall
  | PyObject
  | PyReference

export class PyFloat {
  constructor(readonly value: number) {}
}

export class PyTuple {
  readonly items: readonly PyValue[]
  constructor(...items: readonly PyValue[]) {
    this.items = items
  }
}

/** A class or function, 'torch._utils._rebuild_tensor_v2'. */
export class PyGlobal {
  constructor(readonly name: string) {}
}

/** What a function returns; `items` are then put into it, as into an OrderedDict. */
export class PyCall {
  constructor(
    readonly callee: PyGlobal,
    readonly args: PyTuple,
    readonly items: readonly (readonly [PyValue, PyValue])[] = [],
  ) {}
}

/** An object of a class with these attributes. Used twice, it is the same object in Python too. */
export class PyObject {
  constructor(
    readonly className: PyGlobal,
    readonly attributes: ReadonlyMap<PyValue, PyValue>,
  ) {}
}

/** Something outside of the pickle: PyTorch's storages. */
export class PyReference {
  constructor(readonly id: PyTuple) {}
}

/** Bytes of a pickle. */
export function pickle(value: PyValue): Uint8Array {
  const writer = new PickleWriter()
  writer.byte(0x80, 2) // PROTO
  writer.value(value)
  writer.byte(0x2e) // STOP
  return writer.bytes()
}

class PickleWriter {
  private buffer = Buffer.alloc(1 << 16)
  private length = 0
  /** Numbers in the memo: of strings and names by their text, of objects by identity. */
  private readonly memo = new Map<string | PyObject, number>()

  bytes(): Uint8Array {
    return Uint8Array.from(this.buffer.subarray(0, this.length))
  }

  value(value: PyValue): void {
    if (value === null) this.byte(0x4e)
    else if (typeof value === 'boolean') this.byte(value ? 0x88 : 0x89)
    else if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') this.text(value)
    else if (value instanceof PyFloat) this.float(value.value)
    else if (value instanceof PyTuple) this.tuple(value.items)
    else if (value instanceof PyGlobal) this.global(value.name)
    else if (value instanceof PyCall) {
      this.value(value.callee)
      this.value(value.args)
      this.byte(0x52) // REDUCE
      this.items(value.items)
    } else if (value instanceof PyObject) this.object(value)
    else if (value instanceof PyReference) {
      this.value(value.id)
      this.byte(0x51) // BINPERSID
    } else if (value instanceof Map) {
      this.byte(0x7d) // EMPTY_DICT
      this.items([...(value as ReadonlyMap<PyValue, PyValue>)])
    } else {
      this.byte(0x5d) // EMPTY_LIST
      const list = value as readonly PyValue[]
      if (list.length === 0) return
      this.byte(0x28) // MARK
      for (const item of list) this.value(item)
      this.byte(0x65) // APPENDS
    }
  }

  byte(...bytes: readonly number[]): void {
    const at = this.grow(bytes.length)
    for (let i = 0; i < bytes.length; i++) this.buffer[at + i] = bytes[i]!
  }

  private word(value: number): void {
    const at = this.grow(4)
    this.buffer.writeUInt32LE(value, at)
  }

  private raw(bytes: Buffer): void {
    const at = this.grow(bytes.length)
    bytes.copy(this.buffer, at)
  }

  /** Makes room; the buffer may be another one afterwards. @returns where the room begins */
  private grow(count: number): number {
    const at = this.length
    this.length += count
    if (this.length > this.buffer.length) {
      const larger = Buffer.alloc(Math.max(this.length, 2 * this.buffer.length))
      this.buffer.copy(larger, 0, 0, at)
      this.buffer = larger
    }
    return at
  }

  private number(value: number): void {
    if (!Number.isInteger(value)) this.float(value)
    else if (value >= 0 && value < 256)
      this.byte(0x4b, value) // BININT1
    else if (value >= -(2 ** 31) && value < 2 ** 31) {
      this.byte(0x4a) // BININT
      const at = this.grow(4)
      this.buffer.writeInt32LE(value, at)
    } else {
      this.byte(0x8a, 8) // LONG1
      const at = this.grow(8)
      this.buffer.writeBigInt64LE(BigInt(value), at)
    }
  }

  private float(value: number): void {
    this.byte(0x47) // BINFLOAT
    const at = this.grow(8)
    this.buffer.writeDoubleBE(value, at)
  }

  private text(text: string): void {
    if (this.recall(`text ${text}`)) return
    const raw = Buffer.from(text, 'utf8')
    this.byte(0x58) // BINUNICODE
    this.word(raw.length)
    this.raw(raw)
    this.remember(`text ${text}`)
  }

  private global(name: string): void {
    if (this.recall(`name ${name}`)) return
    const dot = name.lastIndexOf('.')
    const raw = Buffer.from(`c${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`, 'utf8') // GLOBAL
    this.raw(raw)
    this.remember(`name ${name}`)
  }

  private tuple(items: readonly PyValue[]): void {
    if (items.length > 3) this.byte(0x28) // MARK
    for (const item of items) this.value(item)
    // EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
    this.byte(items.length === 0 ? 0x29 : items.length > 3 ? 0x74 : 0x84 + items.length)
  }

  private items(items: readonly (readonly [PyValue, PyValue])[]): void {
    if (items.length === 0) return
    this.byte(0x28) // MARK
    for (const [key, value] of items) {
      this.value(key)
      this.value(value)
    }
    this.byte(0x75) // SETITEMS
  }

  private object(object: PyObject): void {
    if (this.recall(object)) return
    this.value(object.className)
    this.byte(0x29, 0x81) // EMPTY_TUPLE, NEWOBJ
    this.remember(object)
    this.byte(0x7d) // EMPTY_DICT
    this.items([...object.attributes])
    this.byte(0x62) // BUILD
  }

  private remember(key: string | PyObject): void {
    const index = this.memo.size
    this.memo.set(key, index)
    if (index < 256)
      this.byte(0x71, index) // BINPUT
    else {
      this.byte(0x72) // LONG_BINPUT
      this.word(index)
    }
  }

  private recall(key: string | PyObject): boolean {
    const index = this.memo.get(key)
    if (index === undefined) return false
    if (index < 256)
      this.byte(0x68, index) // BINGET
    else {
      this.byte(0x6a) // LONG_BINGET
      this.buffer.writeUInt32LE(index, this.grow(4))
    }
    return true
  }
}
