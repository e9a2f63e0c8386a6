// A trained detector as an ONNX model, for validation and for others to run.
import { exportOnnx, Graph, Scope, type Weights } from '../../nn/index.ts'
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
 * Metadata as in YOLOv5's exports: `stride`, `names` ("{0: 'cat', 1: 'dog'}"), and `imgsz` ("[640, 640]").
 *
 * @throws {@link WeightShapeError} if the weights do not fit the model
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
    outputs: { [boxOutput]: decodeHeads(unfolded, definition), ...Object.fromEntries(heads) },
    metadata: {
      task: 'detect',
      stride: String(Math.max(...definition.strides)),
      ...(options.names ? { names: pythonDict(options.names) } : {}),
      ...(options.imagePx === undefined ? {} : { imgsz: `[${options.imagePx}, ${options.imagePx}]` }),
      ...options.metadata,
    },
  })
}

/** Names as Python writes them, which is what readers of YOLOv5's exports parse. */
function pythonDict(names: readonly string[]): string {
  const quoted = (name: string) =>
    `'${name.replace(/[\\']/g, '\\$&').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t')}'`
  return `{${names.map((name, index) => `${index}: ${quoted(name)}`).join(', ')}}`
}
