// A detector over many files: one prediction after the other, the next image being decoded meanwhile.
import { ImageUnreadableError } from '../../base/index.ts'
import { decodeImage, type RgbImage } from '../data/index.ts'
import type { DetectOptions, Detector, Look } from '../detector.ts'
import { listSources, type SourceFile } from './sources.ts'
import { readVideo } from './video.ts'

export interface PredictOptions extends DetectOptions {
  /** Of videos only each so many-th frame; default 1. */
  readonly videoStride?: number
  /** Called for an image that cannot be read, which is left out then; without it such an image is an error. */
  readonly onUnreadable?: (error: ImageUnreadableError) => void
  readonly signal?: AbortSignal
}

/** What was found in one image, or one frame of a video. */
export interface Prediction extends Look {
  /** Absolute path of the file. */
  readonly path: string
  readonly kind: SourceFile['kind']
  /** Number of the frame of a video, from 1. */
  readonly frame?: number
  /** Which file of how many, from 1. */
  readonly file: number
  readonly files: number
  /** The pixels, turned as EXIF says. */
  readonly image: RgbImage
}

/**
 * Looks at files: images, videos (where the program ffmpeg is installed), folders, patterns, lists.
 *
 * @param sources - paths, or patterns as `shots/*.jpg`, from the current folder
 * @throws {@link PredictSourceError}, {@link ImageUnreadableError}, {@link VideoError}
 *
 * @example see examples/predict.ts
 */
export async function* predict(
  detector: Detector,
  sources: string | readonly string[],
  options: PredictOptions = {},
): AsyncGenerator<Prediction> {
  const images = imagesOf(listSources(typeof sources === 'string' ? [sources] : sources), options)
  let next = images.next()
  next.catch(() => {}) // told below
  try {
    for (;;) {
      const { done, value } = await next
      if (done) return
      next = images.next()
      next.catch(() => {})
      options.signal?.throwIfAborted()
      const look = await detector.look(value.image, options)
      yield { ...value, ...look }
    }
  } finally {
    await next.catch(() => {})
    await images.return(undefined)
  }
}

type Pictured = Omit<Prediction, keyof Look>

async function* imagesOf(files: readonly SourceFile[], options: PredictOptions): AsyncGenerator<Pictured> {
  const { videoStride = 1, onUnreadable, signal } = options
  for (const [index, file] of files.entries()) {
    signal?.throwIfAborted()
    const shared = { ...file, file: index + 1, files: files.length }
    if (file.kind === 'video') {
      for await (const { number, ...image } of readVideo(file.path, videoStride, signal))
        yield { ...shared, frame: number, image }
      continue
    }
    let image: RgbImage
    try {
      image = await decodeImage(file.path)
    } catch (error) {
      if (!(error instanceof ImageUnreadableError) || !onUnreadable) throw error
      onUnreadable(error)
      continue
    }
    yield { ...shared, image }
  }
}
