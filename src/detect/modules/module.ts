// What a module of a model yaml is. Every module is a file in this folder and a line in index.ts.
import type { Scope, Tensor } from '../../nn/index.ts'

/** Size of a layer's output. */
export interface FeatureMap {
  readonly channels: number
  /** Cells along either side of the map for an image of {@link imageSide} pixels; the stride is their ratio. */
  readonly side: number
}

/** Side of the image for which layers are planned, in pixels. */
export const imageSide = 256

/** What a row knows about the model around it. */
export interface ModelContext {
  readonly classes: number
  readonly anchorsPerLevel: number
  readonly activation: Activation
  /** Scales channels by the width multiple, up to a multiple of 8; the number of head channels stays as it is. */
  width(channels: number): number
}

/** A row, ready to be planned. */
export interface RowContext {
  readonly inputs: readonly FeatureMap[]
  readonly args: RowArguments
  /** Repeats after the depth multiple, for modules that repeat inside; 1 for all others. */
  readonly repeats: number
  readonly model: ModelContext
}

/** A planned row: its size is known, its tensors are built on demand. */
export interface Layer {
  /** Arguments as v7.0's table shows them: input channels, output channels, the rest. */
  readonly shownArgs: readonly unknown[]
  readonly output: FeatureMap
  /** Modules of PyTorch below this layer that have no parameters (pools), for the count of layers. Default 0. */
  readonly silentModules?: number
  /** Builds the layer. Its parameters take names below `scope`. Detect returns one head per level. */
  build(scope: Scope, inputs: readonly Tensor[]): readonly Tensor[]
}

export interface DetectorModule {
  /** How many layers a row may name in `from`. */
  readonly inputs: 'one' | 'many'
  /** Whether the module repeats inside itself or the row is repeated as a chain. */
  readonly repeats: 'inside' | 'chain'
  /** Checks the arguments and works out the size. @throws {@link RowProblem} */
  plan(row: RowContext): Layer
}

/** Declares a module. */
export const defineModule = (module: DetectorModule): DetectorModule => module

/** Something wrong in a row; the parser adds file and row. */
export class RowProblem extends Error {}

/** Largest number of channels, kernel, … that is believed. */
const largest = 65536

/** Reads the arguments of a row by position. */
export class RowArguments {
  constructor(readonly values: readonly unknown[]) {}

  /** A whole number from `low`; `fallback` if it is left out, an error if there is none. */
  integer(position: number, name: string, low: number, fallback?: number): number {
    const value = this.values[position] ?? fallback
    if (value === undefined) throw new RowProblem(`argument ${position} (${name}) is missing.`)
    if (typeof value !== 'number' || !Number.isInteger(value) || value < low || value > largest)
      throw new RowProblem(`argument ${position} (${name}) is ${show(value)}, it must be a whole number from ${low}.`)
    return value
  }

  /** A number in (0, high]. */
  fraction(position: number, name: string, high: number, fallback: number): number {
    const value = this.values[position] ?? fallback
    if (typeof value !== 'number' || !(value > 0 && value <= high))
      throw new RowProblem(`argument ${position} (${name}) is ${show(value)}, it must be a number up to ${high}.`)
    return value
  }

  boolean(position: number, name: string, fallback: boolean): boolean {
    const value = this.values[position] ?? fallback
    if (typeof value !== 'boolean')
      throw new RowProblem(`argument ${position} (${name}) is ${show(value)}, it must be True or False.`)
    return value
  }

  /** No argument may follow. */
  atMost(count: number): void {
    if (this.values.length > count)
      throw new RowProblem(`${this.values.length} arguments, this module takes at most ${count}.`)
  }
}

/** A value as it stands in a yaml. */
export const show = (value: unknown): string => {
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))
  return text.length > 80 ? `${text.slice(0, 77)}…` : text
}

/** A non-linearity: `activation` of the model yaml, SiLU by default. */
export type Activation =
  | { readonly kind: 'SiLU' | 'ReLU' | 'Identity' }
  | { readonly kind: 'LeakyReLU'; readonly slope: number }
