// A detector ready to look at images: the exported model in a session of ONNX Runtime. Validation, `detect()` and
// the commands that look at images share it.
import { type Model, openModel, type RuntimeOptions, type Weights } from '../nn/index.ts'
import type { ModelDefinition } from './model/definition.ts'
import { boxOutput, exportDetector, imageInput } from './model/export.ts'
import type { NetworkOutput, RawHead } from './val/index.ts'

/** Images as a network takes them: uint8 RGB, [batch, 3, height, width]; sides are multiples of the stride. */
export interface EvaluationImages {
  readonly images: Uint8Array
  readonly batch: number
  readonly height: number
  readonly width: number
}

/** A network with fixed weights. */
export interface Network {
  /** Decoded boxes, and the raw heads where the network gives them: the loss of a validation needs them. */
  run(images: EvaluationImages): Promise<NetworkOutput<RawHead[]>>
  dispose(): Promise<void>
}

/** The network of a model definition. */
export class Evaluator implements Network {
  private constructor(
    private readonly model: Model,
    private readonly levels: number,
  ) {}

  /** Batch norms are folded into the weights and the graph is optimised, which takes some 50 ms for yolov5n. */
  static async create(definition: ModelDefinition, weights: Weights, runtime: RuntimeOptions): Promise<Evaluator> {
    const bytes = exportDetector(definition, weights, { images: 'uint8', heads: true })
    return new Evaluator(await openModel(bytes, runtime), definition.strides.length)
  }

  async run({ images, batch, height, width }: EvaluationImages): Promise<NetworkOutput<RawHead[]>> {
    const output = await this.model.run({
      [imageInput]: { dtype: 'uint8', data: images, shape: [batch, 3, height, width] },
    })
    const heads = Array.from({ length: this.levels }, (_, level) => output[`head${level}`] as RawHead)
    return { decoded: output[boxOutput]!.data as Float32Array, heads }
  }

  async dispose(): Promise<void> {
    await this.model.dispose()
  }
}
