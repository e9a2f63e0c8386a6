// A trained detector for programs: images in, boxes out.
import { availableParallelism } from 'node:os'
import { decodeImage, letterbox, type RgbImage } from './data/index.ts'
import { Evaluator } from './evaluator.ts'
import { type DetectorFile, loadDetectorFile } from './train/checkpoint.ts'
import { nonMaxSuppression, scaleBoxes } from './val/index.ts'

/** One object found. */
export interface Detection {
  /** Corners in pixels of the image. */
  readonly box: { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }
  /** [0, 1] */
  readonly confidence: number
  readonly classIndex: number
  readonly className: string
}

export interface DetectOptions {
  /** Least confidence of a box, default 0.25. */
  readonly confidence?: number
  /** Overlap above which the less confident of two boxes of a class is dropped, default 0.45. */
  readonly iou?: number
  /** Most boxes per image, default 1000. */
  readonly maxDetections?: number
  /** Longer side that the image is scaled to, pixels; that of the training by default. */
  readonly imagePx?: number
}

/** A detector in memory. */
export class Detector {
  /** Class names by class number. */
  readonly names: readonly string[]

  private constructor(
    private readonly evaluator: Evaluator,
    private readonly file: DetectorFile,
  ) {
    this.names = file.names
  }

  /** See {@link loadDetector}. */
  static async load(path: string, options: { readonly threads?: number } = {}): Promise<Detector> {
    const file = loadDetectorFile(path)
    const threads = options.threads ?? availableParallelism()
    return new Detector(await Evaluator.create(file.definition, file.weights, { threads, spinning: false }), file)
  }

  /**
   * Finds objects, the most confident first.
   *
   * @param image - a file, or RGB pixels, interleaved, [height, width, 3]
   * @throws {@link ImageUnreadableError}
   */
  async detect(image: string | RgbImage, options: DetectOptions = {}): Promise<Detection[]> {
    const { definition, imagePx } = this.file
    const source = typeof image === 'string' ? await decodeImage(image) : image
    const stride = Math.max(...definition.strides, 32)
    const side = Math.ceil((options.imagePx ?? imagePx) / stride) * stride
    const framed = letterbox(source, { frame: [side, side], auto: true, stride })
    const { height, width, box } = framed
    const { decoded } = await this.evaluator.run({ images: toPlanes(framed), batch: 1, height, width })
    const columns = definition.classes + 5
    const [rows] = nonMaxSuppression(
      { data: decoded, batch: 1, rows: decoded.length / columns, columns },
      {
        confidence: options.confidence ?? 0.25,
        iou: options.iou ?? 0.45,
        multiLabel: false,
        maxDetections: options.maxDetections ?? 1000,
      },
    )
    const placement = {
      height: source.height,
      width: source.width,
      ratio: [box.ratio[1], box.ratio[0]],
      pad: box.pad,
    } as const
    scaleBoxes(rows!, placement, 6)
    return Array.from({ length: rows!.length / 6 }, (_, row) => {
      const [x1, y1, x2, y2, confidence, cls] = rows!.subarray(6 * row, 6 * row + 6)
      return {
        box: { x1: x1!, y1: y1!, x2: x2!, y2: y2! },
        confidence: confidence!,
        classIndex: cls!,
        className: this.names[cls!] ?? String(cls),
      }
    })
  }

  /** Releases the session. */
  async close(): Promise<void> {
    await this.evaluator.dispose()
  }
}

/**
 * Loads a detector from a checkpoint (`best.safetensors`).
 *
 * @throws {@link CheckpointError}, {@link SafetensorsError}
 *
 * @example see examples/detect.ts
 */
export const loadDetector = Detector.load

/** Interleaved RGB to [1, 3, height, width]. */
function toPlanes({ data, height, width }: RgbImage): Uint8Array {
  const plane = height * width
  const planes = new Uint8Array(3 * plane)
  for (let i = 0; i < plane; i++)
    for (let channel = 0; channel < 3; channel++) planes[channel * plane + i] = data[3 * i + channel]!
  return planes
}
