// Builds the graph of a model: backbone and head to raw outputs, and raw outputs to boxes.
import {
  add,
  cast,
  concat,
  exp,
  lengthOf,
  mul,
  range,
  reshape,
  type Scope,
  sigmoid,
  split,
  type Tensor,
  transpose,
} from '../../nn/index.ts'
import type { ModelDefinition } from './definition.ts'

/**
 * Builds the network in the mode of `scope`: batch statistics in training, batch norm folded away in evaluation.
 * Weights are named as in the state_dict of YOLOv5 (model.0.conv.weight, …) or YOLOv3 (module_list.0.Conv2d.weight, …).
 *
 * @param image - [batch, 3, height, width], RGB in [0, 1]; height and width are multiples of the largest stride
 * @returns the raw output of each level in the order of the definition, [batch, anchors * (5 + classes), height / stride, width / stride]
 */
export function buildDetector(scope: Scope, definition: ModelDefinition, image: Tensor): readonly Tensor[] {
  const outputs: (readonly Tensor[])[] = []
  const model = scope.child(definition.prefix)
  for (const { index, from, layer } of definition.layers) {
    const inputs = from.map((source) => (source < 0 ? image : outputs[source]![0]!))
    outputs.push(layer.build(model.child(String(index)), inputs))
  }
  return outputs.at(-1)!
}

/** A raw output as [batch, anchors, ny, nx, 5 + classes]: x, y, width, height, objectness, classes. */
export function unfoldHead(head: Tensor, { anchorsPerLevel, classes }: ModelDefinition): Tensor {
  const [batch, , ny, nx] = head.shape
  return transpose(reshape(head, [batch!, anchorsPerLevel, 5 + classes, ny!, nx!]), [0, 1, 3, 4, 2])
}

/**
 * Boxes of all levels under each other, level-major, then anchor, row, column.
 *
 * YOLOv5: x = (2 σ(x) - 0.5 + column) stride, width = (2 σ(w))² anchor, objectness and classes σ.
 * YOLOv3: x = (σ(x) + column) stride, width = e^w anchor.
 *
 * Source: yolov5 v7.0 models/yolo.py, Detect; arXiv:1804.02767, section 2.1.
 *
 * @param unfolded - levels as {@link unfoldHead} gives them
 * @returns [batch, rows, 5 + classes]: centre x, y, width, height in pixels, objectness, classes
 */
export function decodeHeads(unfolded: readonly Tensor[], definition: ModelDefinition): Tensor {
  const { strides, anchorsPx, anchorsPerLevel, classes } = definition
  const exponential = definition.boxes === 'exponential'
  return concat(
    unfolded.map((raw, level) => {
      const { graph } = raw
      const [batch, , ny, nx] = raw.shape
      const stride = strides[level]!
      const parts = split(exponential ? raw : sigmoid(raw), [1, 1, 2, 1 + classes], 4)
      const [x, y, size, scores] = parts.map((part, i) => (exponential && i !== 2 ? sigmoid(part) : part)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ]
      const along = (axis: 2 | 3) => {
        const length = axis === 2 ? ny! : nx!
        const ramp = cast(range(lengthOf(raw, axis), length), 'float32')
        return reshape(ramp, axis === 2 ? [1, 1, length, 1, 1] : [1, 1, 1, length, 1])
      }
      const centre = (sigmoids: Tensor, axis: 2 | 3) =>
        mul(exponential ? add(sigmoids, along(axis)) : add(mul(sigmoids, 2), add(along(axis), -0.5)), stride)
      const anchors = graph.constant(anchorsPx[level]!, [1, anchorsPerLevel, 1, 1, 2])
      const twice = mul(size, 2)
      const sides = exponential ? exp(size) : mul(twice, twice)
      const boxes = concat([centre(x, 3), centre(y, 2), mul(sides, anchors), scores], 4)
      return reshape(boxes, [batch!, -1, 5 + classes])
    }),
    1,
  )
}

/** Anchors of each level in cells, float32 as the loss wants them: `matchTargets`. */
export function gridAnchors({ anchorsPx, strides }: ModelDefinition): Float32Array[] {
  return anchorsPx.map((level, i) => Float32Array.from(level, (px) => px / strides[i]!))
}
