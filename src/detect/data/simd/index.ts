// The pixel loops of augmentation as WebAssembly with SIMD, assembled and compiled when they are first used. Each is
// checked against images of OpenCV (test/golden/training/augment.test.ts) and against plain code (kernels.test.ts).
import { assemble } from './assembler.ts'
import { copyRows, fill } from './copy.ts'
import { mix } from './mix.ts'
import { packRows } from './pack.ts'
import { projectRow } from './project.ts'
import { recolour } from './recolour.ts'
import { sampleOne, sampleRow } from './sample.ts'

export { sampleWeights } from './sample.ts'

/** The functions of the module; what they do is told where they are written. Addresses are bytes of the memory. */
export interface Kernels {
  sample_row(
    source: number,
    width: number,
    height: number,
    deltasX: number,
    deltasY: number,
    startX: number,
    startY: number,
    shift: number,
    weights: number,
    border: number,
    out: number,
    count: number,
  ): void
  project_row(
    x0: number,
    y0: number,
    w0: number,
    dx: number,
    dy: number,
    dw: number,
    outX: number,
    outY: number,
    count: number,
  ): void
  mix(a: number, b: number, end: number, shareA: number, shareB: number): void
  pack_rows(
    top: number,
    bottom: number,
    flipped: number,
    low: number,
    high: number,
    stride: number,
    cells: number,
  ): void
  fill(at: number, value: number, bytes: number): void
  copy_rows(from: number, fromStride: number, to: number, toStride: number, bytes: number, rows: number): void
  recolour(rgb: number, end: number, hues: number, saturations: number, values: number): void
}

/** Memory of kernels. It is shared in the sense of WebAssembly, so that views stay valid when it grows. */
export interface KernelMemory {
  readonly buffer: SharedArrayBuffer
  grow(pages: number): number
}

/** What of the WebAssembly API is used here; TypeScript knows it only from browsers. */
interface WebAssemblyApi {
  readonly Memory: new (size: { initial: number; maximum: number; shared: boolean }) => KernelMemory
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Kernels }
}
const { Memory, Module, Instance } = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly

export const PAGE_BYTES = 65536
const MAXIMUM_PAGES = 16384 // 1 GiB

let compiled: object | undefined

/** A new memory of one page and the kernels that work in it. */
export function createKernels(): { readonly memory: KernelMemory; readonly kernels: Kernels } {
  compiled ??= new Module(
    assemble([sampleOne, sampleRow(0), projectRow, mix, packRows, recolour, fill, copyRows], MAXIMUM_PAGES),
  )
  const memory = new Memory({ initial: 1, maximum: MAXIMUM_PAGES, shared: true })
  return { memory, kernels: new Instance(compiled, { pixels: { memory } }).exports }
}
