// A trained detector as an ONNX model, for validation and for others to run.
import { exportOnnx, type FloatType, Graph, Scope, type Weights } from '../../nn/index.ts'
import { pythonNames } from '../python-names.ts'
import { buildDetector, decodeHeads, unfoldHead } from './build.ts'
import type { ModelDefinition } from './definition.ts'

export interface ExportDetectorOptions {
  /**
   * Image input `images`, [batch, 3, height, width] RGB: 'float32' in [0, 1] as YOLOv5's own exports take it
   * (default), or 'uint8' from 0 to 255, which spares the caller a conversion.
   */
  readonly images?: 'float32' | 'uint8'
  /** Also give the raw heads, `head0`, `head1`, …, [batch, anchors, ny, nx, 5 + classes]: validation losses need them. */
  readonly heads?: boolean
  /** Class names, for the metadata. */
  readonly names?: readonly string[]
  /** Side of the images the model was trained with, for the metadata. */
  readonly imagePx?: number
  /** `float16`: weights, image input and outputs in half precision, as of YOLOv5's `--half`; default float32. */
  readonly floats?: FloatType
  /** More metadata. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** Name of the image input of an exported detector. */
export const imageInput = 'images'
/** Name of the box output, [batch, rows, 5 + classes]: see `decodeHeads`. */
export const boxOutput = 'output0'

/**
 * Bytes of an ONNX model of plain operators with weights inside and batch norm folded into the convolutions. Batch,
 * height and width are dynamic; height and width must be multiples of the largest stride.
 *
 * Metadata as in YOLOv5's exports: `stride`, `names` ("{0: 'cat', 1: 'dog'}"), and `imgsz` ("[640, 640]"); and `family`,
 * whose rules the model is judged by.
 *
 * @throws {@link WeightShapeError} if the weights do not fit the model, {@link HalfRangeError} if half precision cannot
 * hold one
 */
export function exportDetector(
  definition: ModelDefinition,
  weights: Weights,
  options: ExportDetectorOptions = {},
): Uint8Array {
  const graph = new Graph()
  const scope = Scope.evaluate(weights, graph)
  const axes = ['batch', 'height', 'width'] as const
  const image =
    options.images === 'uint8'
      ? graph.image(imageInput, ...axes)
      : graph.input(imageInput, ['batch', 3, 'height', 'width'])
  const unfolded = buildDetector(scope, definition, image).map((head) => unfoldHead(head, definition))
  const heads = options.heads ? unfolded.map((head, level) => [`head${level}`, head] as const) : []
  return exportOnnx({
    ...(options.floats && { floats: options.floats }),
    outputs: { [boxOutput]: decodeHeads(unfolded, definition), ...Object.fromEntries(heads) },
    metadata: {
      task: 'detect',
      stride: String(Math.max(...definition.strides)),
      family: definition.family,
      ...(options.names ? { names: pythonNames(options.names) } : {}),
      ...(options.imagePx === undefined ? {} : { imgsz: `[${options.imagePx}, ${options.imagePx}]` }),
      ...options.metadata,
    },
  })
}
