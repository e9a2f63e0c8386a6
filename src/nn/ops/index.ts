// The list of ops. Every op that can stand in a graph is in `ops`: the contract suite (op.test.ts) runs over it.

import type { Op } from '../op.ts'
import * as activation from './activation.ts'
import * as batchNormalisation from './batch-norm.ts'
import * as conv from './conv.ts'
import * as elementwise from './elementwise.ts'
import * as gathering from './gather.ts'
import * as product from './matmul.ts'
import * as pool from './pool.ts'
import * as reduce from './reduce.ts'
import * as shape from './shape.ts'

const modules = { elementwise, reduce, shape, gathering, product, conv, batchNormalisation, activation, pool }

/** All ops by name. */
// biome-ignore lint/suspicious/noExplicitAny: every op has attributes of its own
export const ops: Readonly<Record<string, Op<any>>> = Object.fromEntries(
  Object.values(modules)
    .flatMap((module) => Object.entries(module))
    .filter(([name]) => name.endsWith('Op'))
    .map(([, op]) => [(op as Op<unknown>).name, op as Op<unknown>]),
)

export { bceWithLogits, hardSwish, mish, relu6, silu } from './activation.ts'
export { batchNorm } from './batch-norm.ts'
export { addBias, type ConvOptions, conv2d, convTranspose2d } from './conv.ts'
export {
  abs,
  add,
  addAll,
  and,
  atan,
  cast,
  clamp,
  div,
  equal,
  exp,
  floor,
  greater,
  greaterOrEqual,
  isNotANumber,
  leakyRelu,
  less,
  lessOrEqual,
  log,
  maximum,
  minimum,
  mul,
  neg,
  not,
  or,
  pow,
  reciprocal,
  relu,
  sigmoid,
  sign,
  softplus,
  sqrt,
  stopGradient,
  sub,
  tanh,
  where,
} from './elementwise.ts'
export { gather, gatherElements, scatter, scatterAdd } from './gather.ts'
export { matMul } from './matmul.ts'
export { maxPool2d, resizeBilinear, upsampleNearest } from './pool.ts'
export { reduceMax, reduceMean, reduceSum } from './reduce.ts'
export { broadcastTo, concat, lengthOf, pad, range, reshape, slice, split, transpose } from './shape.ts'
