// A trained detector for programs: images in, boxes out.
import { availableParallelism } from 'node:os'
import { type Device, isGpu, requireDevice } from '../nn/index.ts'
import { decodeImage, letterbox, type RgbImage } from './data/index.ts'
import { families } from './family.ts'
import { type OpenDetector, openDetector } from './open-detector.ts'
import { DETECTION_COLUMNS, nonMaxSuppression, scaleBoxes } from './val/index.ts'

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
  /** Only these classes; default all. */
  readonly classes?: readonly number[]
  /** Drop overlapping boxes of different classes too; default false. */
  readonly agnostic?: boolean
  /** Longer side that the image is scaled to, pixels; that of the training by default. */
  readonly imagePx?: number
}

export interface LoadDetectorOptions {
  /** Where the network computes; default 'cpu'. */
  readonly device?: Device
  /** Threads that compute; as many as there are cores by default. */
  readonly threads?: number
  /** Model of weights that do not say of which they are, as Darknet's `.weights`. */
  readonly cfg?: string
  /** Class names for those, by class number. */
  readonly names?: readonly string[]
}

/** What was found in an image, and how. */
export interface Look {
  readonly detections: readonly Detection[]
  /** Size of the image as the network saw it, pixels. */
  readonly seen: { readonly height: number; readonly width: number }
  /** Milliseconds: scaling, network, suppression. */
  readonly ms: { readonly preprocess: number; readonly inference: number; readonly suppression: number }
}

/** A detector in memory. */
export class Detector {
  /** Class names by class number. */
  readonly names: readonly string[]
  /** Side of the images it was trained on, pixels. */
  readonly imagePx: number

  private constructor(private readonly open: OpenDetector) {
    this.names = open.names
    this.imagePx = open.imagePx
  }

  /** See {@link loadDetector}. */
  static async load(path: string, options: LoadDetectorOptions = {}): Promise<Detector> {
    const { device = 'cpu', threads = availableParallelism(), ...source } = options
    if (isGpu(device)) await requireDevice(device)
    return new Detector(await openDetector({ weights: path, ...source }, { threads, spinning: false, device }))
  }

  /**
   * Finds objects, the most confident first.
   *
   * @param image - a file, or RGB pixels, interleaved, [height, width, 3]
   * @throws {@link ImageUnreadableError}
   */
  async detect(image: string | RgbImage, options: DetectOptions = {}): Promise<Detection[]> {
    const source = typeof image === 'string' ? await decodeImage(image) : image
    return [...(await this.look(source, options)).detections]
  }

  /** As {@link detect}, and says how long it took. */
  async look(image: RgbImage, options: DetectOptions = {}): Promise<Look> {
    const { network, stride, fixed, family } = this.open
    const start = performance.now()
    const side = Math.ceil((options.imagePx ?? this.imagePx) / stride) * stride
    const isFixed = fixed.height !== undefined || fixed.width !== undefined
    const frame = [fixed.height ?? side, fixed.width ?? side] as const
    const framed = letterbox(image, { frame, auto: !isFixed, stride })
    const { height, width, box } = framed
    const images = toPlanes(framed)
    const prepared = performance.now()
    const { decoded } = await network.run({ images, batch: 1, height, width })
    const inferred = performance.now()
    const columns = this.names.length + 5
    const rows = nonMaxSuppression(
      { data: decoded, batch: 1, rows: decoded.length / columns, columns },
      {
        confidence: options.confidence ?? 0.25,
        iou: options.iou ?? 0.45,
        multiLabel: false,
        agnostic: options.agnostic ?? false,
        maxDetections: options.maxDetections ?? 1000,
        ...(options.classes && { classes: options.classes }),
        ...families[family].validation.nms,
      },
    )[0]!
    const placement = {
      height: image.height,
      width: image.width,
      ratio: [box.ratio[1], box.ratio[0]],
      pad: box.pad,
    } as const
    scaleBoxes(rows, placement, DETECTION_COLUMNS)
    const detections = Array.from({ length: rows.length / DETECTION_COLUMNS }, (_, row) => {
      const [x1, y1, x2, y2, confidence, cls] = rows.subarray(DETECTION_COLUMNS * row, DETECTION_COLUMNS * (row + 1))
      return {
        box: { x1: x1!, y1: y1!, x2: x2!, y2: y2! },
        confidence: confidence!,
        classIndex: cls!,
        className: this.names[cls!] ?? String(cls),
      }
    })
    const ms = {
      preprocess: prepared - start,
      inference: inferred - prepared,
      suppression: performance.now() - inferred,
    }
    return { detections, seen: { height, width }, ms }
  }

  /** Releases the session. */
  async close(): Promise<void> {
    await this.open.network.dispose()
  }
}

/**
 * Loads a detector: a checkpoint (`best.safetensors`, `.pt`), an exported `.onnx`, or Darknet's `.weights` with `cfg`.
 *
 * @throws {@link CheckpointError}, {@link SafetensorsError}, {@link OnnxModelError}, {@link DarknetWeightsError}
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
