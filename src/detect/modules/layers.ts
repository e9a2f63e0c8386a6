// The pieces of modules: convolutions, batch norm and activations by the names and numbers of a ConvSpec.
import {
  batchNormLayer,
  convBatchNorm,
  convLayer,
  leakyRelu,
  relu,
  type Scope,
  silu,
  type Tensor,
} from '../../nn/index.ts'
import type { Activation } from './module.ts'

/** A convolution, with what follows it. */
export interface ConvSpec {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernel: number
  readonly stride: number
  readonly padding: number
  readonly groups: number
  readonly dilation: number
  readonly activation: Activation
}

const layer = (spec: ConvSpec) => ({
  out: spec.outChannels,
  kernel: spec.kernel,
  stride: spec.stride,
  padding: spec.padding,
  groups: spec.groups,
  dilation: spec.dilation,
})

/** Convolution, batch norm, activation; parameters are conv.weight and bn.*. */
export const buildConv = (scope: Scope, x: Tensor, spec: ConvSpec): Tensor =>
  activate(convBatchNorm(scope, x, layer(spec)), spec.activation)

/** A bare convolution; parameters are weight and, if wanted, bias. */
export const buildBareConv = (scope: Scope, x: Tensor, spec: ConvSpec, bias = false): Tensor =>
  convLayer(scope, x, { ...layer(spec), bias })

/** Batch norm and activation; parameters are those of the batch norm. */
export const buildNorm = (scope: Scope, x: Tensor, activation: Activation): Tensor =>
  activate(batchNormLayer(scope, x), activation)

function activate(x: Tensor, activation: Activation): Tensor {
  switch (activation.kind) {
    case 'SiLU':
      return silu(x)
    case 'ReLU':
      return relu(x)
    case 'LeakyReLU':
      return leakyRelu(x, activation.slope)
    case 'Identity':
      return x
  }
}
