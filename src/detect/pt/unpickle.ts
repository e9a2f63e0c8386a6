// The machine that reads a pickle: a stack, marks and a memo. Of Python's opcodes it knows those that PyTorch writes
// (protocols 2 to 5), and it can make no object of its own: what a name in a pickle means is asked of `Globals`.
// Every opcode takes at least one byte and bounded work, so reading ends; what it makes is limited below.
import { PtGlobal, type PtValue } from './values.ts'

/** Something in a pickle that no file of PyTorch has. The reader of the file says which file it was. */
export class PickleProblem extends Error {}

export interface PickleHost {
  /** What `module.name` means. @throws {@link PickleProblem} or a typed error if it may not be named */
  global(module: string, name: string): PtGlobal
  /** What a reference to something outside of the pickle (a storage) means. */
  persistent(id: PtValue): PtValue
  /** Gives an object the state that it was pickled with. */
  build(target: PtValue, state: PtValue): void
}

/** A pickle larger than this is no model: those of the largest YOLOv5 have some 5 MB. */
const maxPickleBytes = 32 << 20
/** Values on the stack, and values remembered. */
const maxStack = 1 << 20
/** Values put into lists, dictionaries and sets. */
const maxItems = 1 << 22
/** Characters of a name. */
const maxName = 1000
/** Bytes of an integer: far more than any number in a checkpoint has. */
const maxIntegerBytes = 64

/** Objects that a pickle of so many bytes may make: real ones make one per 12 bytes. */
const objectLimit = (bytes: number) => Math.min(10_000 + bytes / 4, 1_000_000)
/**
 * Elements that calls may take over from what they are given. Real files pass on everything once; a file that remembers
 * one long list and passes it on a million times is stopped here.
 */
const copyLimit = (bytes: number) => 65_536 + 4 * Math.min(bytes, maxPickleBytes)

const emptyTuple: readonly PtValue[] = Object.freeze([])

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Lone surrogates are written as three bytes each, which strict UTF-8 refuses. */
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true })

/**
 * Reads one pickle.
 *
 * @param start - where it begins
 * @returns its value, and where it ends: one behind the STOP
 * @throws {@link PickleProblem}
 */
export function unpickle(bytes: Uint8Array, start: number, host: PickleHost): { value: PtValue; end: number } {
  return new Unpickler(bytes, start, host).run()
}

class Unpickler {
  private at: number
  private readonly view: DataView
  private objectsLeft: number
  private copiesLeft: number
  private itemsLeft = maxItems
  private stack: PtValue[] = []
  /** Stacks below the marks. */
  private readonly marks: PtValue[][] = []
  /** Values on all stacks. */
  private depth = 0
  private readonly memo = new Map<number, PtValue>()

  constructor(
    private readonly bytes: Uint8Array,
    private readonly start: number,
    private readonly host: PickleHost,
  ) {
    this.at = start
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.objectsLeft = objectLimit(bytes.length - start)
    this.copiesLeft = copyLimit(bytes.length - start)
  }

  run(): { value: PtValue; end: number } {
    if (this.byte() !== 0x80) throw new PickleProblem('it does not begin as a pickle does.')
    this.at--
    for (;;) {
      const position = this.at
      if (position - this.start > maxPickleBytes)
        throw new PickleProblem(`its description of objects is longer than ${maxPickleBytes} bytes.`)
      const opcode = this.byte()
      if (opcode === 0x2e) {
        // STOP
        if (this.stack.length !== 1 || this.marks.length > 0)
          throw new PickleProblem('its description of objects ends in the middle.')
        return { value: this.stack[0]!, end: this.at }
      }
      const value = this.step(opcode, position)
      if (value !== undefined) this.push(value)
      if (this.depth > maxStack) throw new PickleProblem('its description of objects is nested too deeply.')
    }
  }

  /** Does what an opcode says. @returns what it puts on the stack, undefined if nothing */
  private step(opcode: number, position: number): PtValue | undefined {
    switch (opcode) {
      case 0x80: {
        const protocol = this.byte()
        if (protocol < 2 || protocol > 5) throw new PickleProblem(`its pickle protocol is ${protocol}, not 2 to 5.`)
        return
      }
      case 0x95: // FRAME: says how much to read ahead, but everything lies in memory already
        this.take(8)
        return

      case 0x4e: // NONE
        return null
      case 0x88: // NEWTRUE
        return true
      case 0x89: // NEWFALSE
        return false
      case 0x4b: // BININT1
        return this.byte()
      case 0x4d: // BININT2
        return this.view.getUint16(this.take(2), true)
      case 0x4a: // BININT
        return this.view.getInt32(this.take(4), true)
      case 0x8a: // LONG1
        return this.integer(this.byte())
      case 0x47: // BINFLOAT
        return this.view.getFloat64(this.take(8), false)
      case 0x58: // BINUNICODE
        return this.text(this.length32())
      case 0x8c: // SHORT_BINUNICODE
        return this.text(this.byte())
      case 0x8d: // BINUNICODE8
        return this.text(this.length64())
      case 0x43: // SHORT_BINBYTES
        return this.counted(this.raw(this.byte()))
      case 0x42: // BINBYTES
        return this.counted(this.raw(this.length32()))
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.counted(this.raw(this.length64()))

      case 0x29: // EMPTY_TUPLE
        return emptyTuple
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.tuple(this.popMany(opcode - 0x84))
      case 0x74: // TUPLE
        return this.tuple(this.popToMark())
      case 0x5d: // EMPTY_LIST
        return this.counted([])
      case 0x7d: // EMPTY_DICT
        return this.counted(new Map())
      case 0x8f: // EMPTY_SET
        return this.counted(new Set())
      case 0x91: // FROZENSET
        return this.frozenSet(this.popToMark())
      case 0x61: // APPEND
        return this.append(this.popMany(1))
      case 0x65: // APPENDS
        return this.append(this.popToMark())
      case 0x73: // SETITEM
        return this.setItems(this.popMany(2))
      case 0x75: // SETITEMS
        return this.setItems(this.popToMark())
      case 0x90: {
        // ADDITEMS
        const items = this.popToMark()
        const set = this.top()
        if (!(set instanceof Set)) throw this.misuse(position)
        this.countItems(items.length)
        for (const item of items) set.add(item)
        return
      }

      case 0x28: // MARK
        this.marks.push(this.stack)
        this.depth++
        this.stack = []
        return
      case 0x71: // BINPUT
        return this.remember(this.byte())
      case 0x72: // LONG_BINPUT
        return this.remember(this.view.getUint32(this.take(4), true))
      case 0x94: // MEMOIZE
        return this.remember(this.memo.size)
      case 0x68: // BINGET
        return this.recall(this.byte())
      case 0x6a: // LONG_BINGET
        return this.recall(this.view.getUint32(this.take(4), true))

      case 0x63: // GLOBAL
        return this.counted(this.host.global(this.line(), this.line()))
      case 0x93: {
        // STACK_GLOBAL
        const [module, name] = this.popMany(2)
        if (typeof module !== 'string' || typeof name !== 'string') throw this.misuse(position)
        if (module.length + name.length > maxName) throw new PickleProblem('it holds a name without end.')
        return this.counted(this.host.global(module, name))
      }
      case 0x52: // REDUCE
      case 0x81: {
        // NEWOBJ
        const [callee, args] = this.popMany(2)
        return this.call(callee!, args!, position)
      }
      case 0x92: {
        // NEWOBJ_EX: what is given by name says nothing about a class that is never made
        const [callee, args, named] = this.popMany(3)
        if (!(named instanceof Map)) throw this.misuse(position)
        return this.call(callee!, args!, position)
      }
      case 0x51: // BINPERSID
        return this.counted(this.host.persistent(this.popMany(1)[0]!))
      case 0x62: {
        // BUILD
        const [state] = this.popMany(1)
        this.countCopies([state!])
        if (Array.isArray(state)) this.countCopies(state)
        this.host.build(this.top(), state!)
        return
      }
      default:
        throw new PickleProblem(
          `its description of objects has the opcode 0x${opcode.toString(16).padStart(2, '0')} at byte ${position}, which PyTorch does not write.`,
        )
    }
  }

  // ---- bytes

  /** Passes over so many bytes. @returns where they began */
  private take(length: number): number {
    const from = this.at
    if (length > this.bytes.length - from)
      throw new PickleProblem('it ends in the middle of its description of objects. Is it cut off?')
    this.at += length
    return from
  }

  private byte(): number {
    return this.bytes[this.take(1)]!
  }

  private length32(): number {
    return this.view.getUint32(this.take(4), true)
  }

  private length64(): number {
    const length = this.view.getBigUint64(this.take(8), true)
    return length > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(length)
  }

  private raw(length: number): Uint8Array {
    const from = this.take(length)
    return this.bytes.subarray(from, from + length)
  }

  private text(length: number): string {
    const raw = this.raw(length)
    try {
      return decoder.decode(raw)
    } catch {
      return lenientDecoder.decode(raw)
    }
  }

  /** A name, up to the end of the line. */
  private line(): string {
    const end = this.bytes.indexOf(0x0a, this.at)
    if (end < 0 || end - this.at > maxName) throw new PickleProblem('it holds a name without end.')
    const text = this.text(end - this.at)
    this.at++
    return text
  }

  /** Two's complement, little-endian. */
  private integer(length: number): number | bigint {
    if (length > maxIntegerBytes) throw new PickleProblem(`it holds an integer of ${length} bytes.`)
    let value = 0n
    const raw = this.raw(length)
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(raw[i]!)
    value = BigInt.asIntN(8 * length, value)
    return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value
  }

  // ---- stack

  private push(value: PtValue): void {
    this.stack.push(value)
    this.depth++
  }

  private popMany(count: number): PtValue[] {
    if (this.stack.length < count)
      throw new PickleProblem('its description of objects takes more from the stack than lies there.')
    this.depth -= count
    return this.stack.splice(this.stack.length - count)
  }

  private popToMark(): PtValue[] {
    const items = this.stack
    const below = this.marks.pop()
    if (!below) throw new PickleProblem('its description of objects closes what it never opened.')
    this.stack = below
    this.depth -= items.length + 1
    return items
  }

  private top(): PtValue {
    if (this.stack.length === 0) throw new PickleProblem('its description of objects works on nothing.')
    return this.stack.at(-1)!
  }

  private remember(index: number): undefined {
    this.memo.set(index, this.top())
    if (this.memo.size > maxStack) throw new PickleProblem('its description of objects remembers too much.')
  }

  private recall(index: number): PtValue {
    const value = this.memo.get(index)
    if (value === undefined)
      throw new PickleProblem(`its description of objects recalls number ${index} before it is there.`)
    return value
  }

  // ---- containers and objects

  private counted<T>(object: T): T {
    if (--this.objectsLeft < 0) throw new PickleProblem('it describes more objects than any model has.')
    return object
  }

  private countItems(count: number): void {
    this.itemsLeft -= count
    if (this.itemsLeft < 0) throw new PickleProblem('its lists are longer than those of any model.')
  }

  /** Counts what a call takes over: elements of lists and dictionaries, characters, bytes. */
  private countCopies(values: readonly PtValue[]): void {
    this.copiesLeft -= values.length
    for (const value of values) {
      if (this.copiesLeft < 0) throw new PickleProblem('its description of objects copies the same things too often.')
      this.copiesLeft -= lengthOf(value)
    }
  }

  private tuple(items: PtValue[]): PtValue {
    return items.length === 0 ? emptyTuple : Object.freeze(this.counted(items))
  }

  private frozenSet(items: PtValue[]): PtValue {
    this.countItems(items.length)
    return this.counted(new Set(items))
  }

  private append(items: readonly PtValue[]): undefined {
    const list = this.top()
    if (!Array.isArray(list) || Object.isFrozen(list)) throw this.misuse(this.at - 1)
    this.countItems(items.length)
    for (const item of items) list.push(item)
  }

  private setItems(items: readonly PtValue[]): undefined {
    const map = this.top()
    if (!(map instanceof Map) || items.length % 2 !== 0) throw this.misuse(this.at - 1)
    this.countItems(items.length)
    for (let i = 0; i < items.length; i += 2) map.set(items[i]!, items[i + 1]!)
  }

  private call(callee: PtValue, args: PtValue, position: number): PtValue {
    if (!(callee instanceof PtGlobal) || !Array.isArray(args) || !Object.isFrozen(args)) throw this.misuse(position)
    this.countCopies(args)
    return this.counted(callee.call(args))
  }

  private misuse(position: number): PickleProblem {
    return new PickleProblem(`its description of objects makes no sense at byte ${position}.`)
  }
}

function lengthOf(value: PtValue): number {
  if (typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array) return value.length
  return value instanceof Map || value instanceof Set ? value.size : 0
}
