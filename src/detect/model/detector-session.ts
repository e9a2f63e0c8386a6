// Runs a detector on batches of images: validation, prediction.
import { createSession, type RuntimeOptions, tensorOf, type Weights } from '../../nn/index.ts'
import type { ModelDefinition } from './definition.ts'
import { boxOutput, exportDetector, imageInput } from './export.ts'

/** Raw output of one level. */
export interface RawHead {
  /** [batch, anchors, ny, nx, 5 + classes] flat: x, y, width, height, objectness, classes, before any sigmoid. */
  readonly data: Float32Array
  readonly shape: readonly number[]
}

/** What a detector says about a batch. */
export interface Detected {
  /** [batch, rows, 5 + classes]: centre x, y, width, height in pixels, objectness, classes. */
  readonly boxes: Float32Array
  readonly rows: number
  /** One per level, fine to coarse; empty unless asked for. */
  readonly raw: readonly RawHead[]
}

/** A detector with fixed weights, for images of any size that the strides divide. */
export interface DetectorSession {
  /** @param images - uint8 [batch, 3, height, width], RGB */
  run(images: Uint8Array, batch: number, height: number, width: number): Promise<Detected>
  dispose(): Promise<void>
}

/**
 * Loads a detector. Sessions are cheap to make, about 50 ms: validation makes one per epoch.
 *
 * @throws {@link WeightShapeError} if the weights do not fit the model
 */
export async function openDetector(
  definition: ModelDefinition,
  weights: Weights,
  options: Pick<RuntimeOptions, 'threads' | 'spinning'> & { readonly raw?: boolean } = {},
): Promise<DetectorSession> {
  const { raw = false, ...runtime } = options
  const session = await createSession(exportDetector(definition, weights, { input: 'uint8', raw }), {
    ...runtime,
    optimization: 'all',
  })
  const rawNames = raw ? definition.strides.map((_, level) => `raw${level}`) : []
  return {
    async run(images, batch, height, width) {
      const results = await session.run({ [imageInput]: await tensorOf('uint8', images, [batch, 3, height, width]) })
      const boxes = results[boxOutput]!
      return {
        boxes: boxes.data as Float32Array,
        rows: boxes.dims[1]!,
        raw: rawNames.map((name) => ({ data: results[name]!.data as Float32Array, shape: results[name]!.dims })),
      }
    },
    dispose: () => session.release(),
  }
}
