// Exported detectors as networks: ONNX files of `exportDetector` and of YOLOv5's export.py, float32 or float16, with
// free or fixed axes.
import { OnnxModelError } from '../base/index.ts'
import { type Model, type ModelPort, openModel, type RuntimeOptions, readOnnxMetadata } from '../nn/index.ts'
import type { EvaluationImages, Network } from './evaluator.ts'
import { type FamilyName, familyNames } from './model/definition.ts'
import { parsePythonNames } from './python-names.ts'
import type { NetworkOutput, RawHead } from './val/index.ts'

/** What an exported model says of itself. */
export interface OnnxDescription {
  readonly names: readonly string[]
  readonly stride: number
  /** Side of its images in pixels, 640 if it does not say. */
  readonly imagePx: number
  readonly family: FamilyName
  /** Axes that are fixed. */
  readonly fixed: { readonly batch?: number; readonly height?: number; readonly width?: number }
}

/** An exported detector in a session. */
export class OnnxNetwork implements Network {
  private constructor(
    private readonly model: Model,
    private readonly input: ModelPort,
    private readonly output: string,
    readonly description: OnnxDescription,
  ) {}

  /**
   * @param file - name for messages
   * @throws {@link OnnxModelError}
   */
  static async open(bytes: Uint8Array, file: string, runtime: RuntimeOptions): Promise<OnnxNetwork> {
    const model = await openModel(bytes, runtime).catch((cause: Error) => {
      throw new OnnxModelError(file, `ONNX Runtime refuses it (${firstLine(cause.message)}).`, { cause })
    })
    try {
      const { input, output, description } = describe(model, readOnnxMetadata(bytes), file)
      return new OnnxNetwork(model, input, output, description)
    } catch (error) {
      await model.dispose()
      throw error
    }
  }

  async run({ images, batch, height, width }: EvaluationImages): Promise<NetworkOutput<RawHead[]>> {
    // A model of a fixed batch gets the missing images as black ones.
    const size = Math.max(this.description.fixed.batch ?? batch, batch)
    const plane = 3 * height * width
    const shape = [size, 3, height, width]
    const output = await this.model.run({
      [this.input.name]:
        this.input.dtype === 'uint8'
          ? { dtype: 'uint8', data: padded(images, size * plane), shape }
          : { dtype: 'float32', data: unit(images, size * plane), shape },
    })
    const decoded = output[this.output]!.data as Float32Array
    return { decoded: size === batch ? decoded : decoded.subarray(0, (decoded.length / size) * batch), heads: [] }
  }

  async dispose(): Promise<void> {
    await this.model.dispose()
  }
}

function describe(model: Model, metadata: ReadonlyMap<string, string>, file: string) {
  const fail = (problem: string): never => {
    throw new OnnxModelError(file, problem)
  }
  const [input] = model.inputs
  if (model.inputs.length !== 1 || input!.shape.length !== 4 || input!.shape[1] !== 3)
    return fail('a detector takes images [batch, 3, height, width] as its only input.')
  if (!['float32', 'float16', 'uint8'].includes(input!.dtype))
    return fail(`its images are of the type ${input!.dtype}, not float32, float16 or uint8.`)
  const rows = model.outputs.filter(({ shape }) => shape.length === 3)
  const named = parsePythonNames(metadata.get('names') ?? '')
  const output = rows.find(({ shape }) => named.length === 0 || shape[2] === named.length + 5)
  const columns = output?.shape[2]
  if (!output || typeof columns !== 'number' || columns < 6) {
    const shapes = model.outputs.map(({ name, shape }) => `${name} [${shape.join(', ')}]`).join(', ')
    return fail(
      `none of its outputs is [batch, boxes, 5 + classes], as YOLOv5's export.py writes it: ${shapes}. ` +
        "(Models of Ultralytics' later releases give another form.)",
    )
  }
  const [batch, , height, width] = input!.shape.map((dim) => (typeof dim === 'number' && dim > 0 ? dim : undefined))
  const noted = Number(/\d+/.exec(metadata.get('imgsz') ?? '')?.[0] ?? Number.NaN)
  const stride = Math.round(Number(metadata.get('stride')))
  const family = familyNames.find((name) => name === metadata.get('family')) ?? 'yolov5'
  const description: OnnxDescription = {
    names: named.length > 0 ? named : Array.from({ length: columns - 5 }, (_, i) => `class${i}`),
    stride: stride > 0 && stride <= 1024 ? stride : 32,
    imagePx: height !== undefined && width !== undefined ? Math.max(height, width) : noted > 0 ? noted : 640,
    family,
    fixed: {
      ...(batch !== undefined && { batch }),
      ...(height !== undefined && { height }),
      ...(width !== undefined && { width }),
    },
  }
  return { input: input!, output: output.name, description }
}

function padded(images: Uint8Array, length: number): Uint8Array {
  if (images.length === length) return images
  const whole = new Uint8Array(length)
  whole.set(images)
  return whole
}

/** Bytes as floats in [0, 1]. */
function unit(images: Uint8Array, length: number): Float32Array {
  const floats = new Float32Array(length)
  for (let i = 0; i < images.length; i++) floats[i] = images[i]! / 255
  return floats
}

const firstLine = (text: string) => text.split('\n')[0]!.trim().replace(/\.$/, '')
