// Errors of the training engine.
import { HypevolveError } from './base.ts'

/** ONNX Runtime is missing, refuses a model, or a graph is fed wrongly. */
export class EngineError extends HypevolveError {
  override readonly code: string = 'ENGINE'
}

/** A GPU or its libraries cannot be used. */
export class DeviceError extends HypevolveError {
  override readonly code = 'DEVICE'

  constructor(
    readonly device: string,
    reason: string,
    advice: string,
    options?: ErrorOptions,
  ) {
    super(`The device "${device}" cannot be used: ${reason.replace(/[.\s]+$/, '')}. ${advice}`, options)
  }
}

/** A model in half precision cannot hold a number. */
export class HalfRangeError extends HypevolveError {
  override readonly code = 'HALF_RANGE'

  constructor(readonly value: number) {
    super(`The model holds ${value}, which half precision cannot. Write it in float32, without --half.`)
  }
}

/** An ONNX model is damaged, or no detector that we can use. */
export class OnnxModelError extends HypevolveError {
  override readonly code = 'ONNX_MODEL'

  constructor(
    readonly file: string,
    readonly problem: string,
    options?: ErrorOptions,
  ) {
    super(`${file} cannot be used as a detector: ${problem}`, options)
  }
}

/** Network weights do not fit the model that asks for them. */
export class WeightShapeError extends HypevolveError {
  override readonly code = 'WEIGHT_SHAPE'
  constructor(
    readonly weight: string,
    readonly expected: readonly number[],
    readonly found: readonly number[] | undefined,
  ) {
    super(
      found === undefined
        ? `The weights have no "${weight}", which the model needs with shape [${expected}]. Are they weights of another model?`
        : `"${weight}" has shape [${found}], but the model needs [${expected}]. Are they weights of another model or another number of classes?`,
    )
  }
}

/** A safetensors file is damaged or holds what we cannot read. */
export class SafetensorsError extends HypevolveError {
  override readonly code = 'SAFETENSORS'
}
