// The weights a training from scratch starts with.
import { NumpyRandom } from '../../base/index.ts'
import { Scope, type Weights } from '../../nn/index.ts'
import { families } from '../family.ts'
import { imageSide } from '../modules/index.ts'
import { buildDetector } from './build.ts'
import type { ModelDefinition } from './definition.ts'

/** What a network of this definition keeps, in the order in which it is built. */
export function weightShapes(definition: ModelDefinition): ReadonlyMap<string, readonly number[]> {
  const scope = Scope.train()
  buildDetector(scope, definition, scope.image('image', 1, imageSide, imageSide))
  return new Map(scope.declarations.map(({ name, shape }) => [name, shape]))
}

/**
 * Fresh weights as v7.0 draws them, from our own generator: the distributions are the same, the numbers are not.
 *
 * - filters and biases of convolutions: uniform within ±1 / √(fan-in), PyTorch's default;
 * - batch norm: weight 1, bias 0, running mean 0; running variance 0.9, which is what one batch of zeros, passed
 *   through while the original measures its strides, leaves of 1;
 * - head biases: objectness as if an image had 8 objects spread over its cells (YOLOv3: -4.5 more), classes as if all
 *   were equally likely (arXiv:1708.02002, section 3.3).
 *
 * @param seed - integer in [0, 2^32)
 */
export function initialWeights(definition: ModelDefinition, seed: number): Weights {
  const random = new NumpyRandom(seed)
  const shapes = weightShapes(definition)
  const weights: Weights = new Map()
  for (const [name, shape] of shapes) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
    const filter = shape.length === 4 ? shape : shapes.get(name.replace(/\.bias$/, '.weight'))
    if (filter?.length === 4) {
      const bound = 1 / Math.sqrt(filter[1]! * filter[2]! * filter[3]!)
      for (let i = 0; i < data.length; i++) data[i] = random.uniform(-bound, bound)
    } else if (name.endsWith('.running_var')) data.fill(0.9)
    else if (name.endsWith('.weight')) data.fill(1)
    weights.set(name, { shape, data })
  }
  addPriors(definition, weights)
  return weights
}

function addPriors(definition: ModelDefinition, weights: Weights): void {
  const { strides, anchorsPerLevel, classes, headBiases } = definition
  const priors = families[definition.family].priors
  for (const [level, stride] of strides.entries()) {
    const { data } = weights.get(headBiases[level]!)!
    const { object, oneClass } = priors(stride, classes)
    for (let anchor = 0; anchor < anchorsPerLevel; anchor++) {
      const at = anchor * (5 + classes)
      data[at + 4]! += object
      for (let c = 0; c < classes; c++) data[at + 5 + c]! += oneClass
    }
  }
}

/** Result of {@link transferWeights}. */
export interface Transfer {
  readonly weights: Weights
  /** Tensors taken over, and how many the model has. */
  readonly taken: number
  readonly total: number
}

/**
 * Takes over every tensor of `pretrained` whose name and shape fit the model, the rest stays fresh: fine-tuning on
 * another number of classes keeps all but the head.
 *
 * @param exclude - names that start with one of these are left fresh
 */
export function transferWeights(fresh: Weights, pretrained: Weights, exclude: readonly string[] = []): Transfer {
  const weights: Weights = new Map()
  let taken = 0
  for (const [name, tensor] of fresh) {
    const found = pretrained.get(name)
    const fits = found && found.shape.join() === tensor.shape.join() && !exclude.some((start) => name.startsWith(start))
    weights.set(name, fits ? { shape: tensor.shape, data: found.data.slice() } : tensor)
    if (fits) taken++
  }
  return { weights, taken, total: fresh.size }
}
