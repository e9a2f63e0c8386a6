// What `hypevolve predict` leaves in the run's folder: pictures, label files, pieces, videos.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { FileWriteError, VideoError } from '../base/index.ts'
import type { Detection, Prediction } from '../detect/index.ts'
import type { PictureFormat } from '../report/index.ts'
import { labelRow } from './label-text.ts'

export interface PredictionsOptions {
  /** Draw boxes. */
  readonly pictures: boolean
  readonly labels: boolean
  /** Write confidences into the label files. */
  readonly confidences: boolean
  readonly crops: boolean
  /** Thickness of frames, pixels. */
  readonly line: number
  readonly labelText: (detection: Detection) => string | undefined
  /** Frames left out of videos, for the speed of those that are written. */
  readonly videoStride: number
}

/** Formats by extension; others are written as PNG. */
const formats: Readonly<Record<string, PictureFormat>> = { '.jpg': 'jpeg', '.jpeg': 'jpeg', '.webp': 'webp' }

/** Writes predictions into a folder; {@link close} waits for the last video. */
export class Predictions {
  readonly #folder: string
  readonly #options: PredictionsOptions
  /** Names given out, so that a/1.jpg and b/1.jpg do not meet. */
  readonly #taken = new Set<string>()
  #current: { readonly path: string; readonly stem: string; readonly file: string } | undefined
  #video: VideoWriter | undefined

  constructor(folder: string, options: PredictionsOptions) {
    this.#folder = folder
    this.#options = options
  }

  /** @throws {@link FileWriteError}, {@link VideoError} */
  async add(prediction: Prediction): Promise<void> {
    const { labels, crops, pictures } = this.#options
    if (this.#current?.path !== prediction.path) {
      await this.#endVideo()
      this.#current = { path: prediction.path, ...this.#name(prediction) }
    }
    const { stem, file } = this.#current
    const name = prediction.frame === undefined ? stem : `${stem}_${prediction.frame}`
    if (labels && prediction.detections.length > 0) await this.#writeLabels(name, prediction)
    if (crops) for (const detection of prediction.detections) await this.#writeCrop(name, detection, prediction)
    if (pictures) await this.#writePicture(file, prediction)
  }

  async close(): Promise<void> {
    await this.#endVideo()
  }

  /** A name for the files of a source that no other has. */
  #name({ path, kind }: Prediction): { stem: string; file: string } {
    const extension = extname(path)
    const root = basename(path, extension)
    const format = kind === 'video' ? '.mp4' : extension.toLowerCase() in formats ? extension : '.png'
    let stem = root
    for (let number = 2; this.#taken.has(stem); number++) stem = `${root}-${number}`
    this.#taken.add(stem)
    return { stem, file: stem + format }
  }

  /** Source: yolov5 v7.0 detect.py: rows of class and centre form, the surest last. */
  async #writeLabels(name: string, { detections, image }: Prediction): Promise<void> {
    const lines = [...detections]
      .reverse()
      .map(({ box, classIndex, confidence }) =>
        labelRow(classIndex, box, image, this.#options.confidences ? confidence : undefined),
      )
    await this.#write(join('labels', `${name}.txt`), `${lines.join('\n')}\n`)
  }

  /** A piece is 2 % and 10 pixels larger than its box. Source: yolov5 v7.0 utils/plots.py, save_one_box. */
  async #writeCrop(name: string, { box, className }: Detection, { image }: Prediction): Promise<void> {
    const { cropFigure } = await import('../report/index.ts')
    const [x, y] = [(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2]
    const [halfWidth, halfHeight] = [((box.x2 - box.x1) * 1.02 + 10) / 2, ((box.y2 - box.y1) * 1.02 + 10) / 2]
    const piece = {
      x1: Math.max(0, Math.trunc(x - halfWidth)),
      y1: Math.max(0, Math.trunc(y - halfHeight)),
      x2: Math.min(image.width, Math.trunc(x + halfWidth)),
      y2: Math.min(image.height, Math.trunc(y + halfHeight)),
    }
    if (piece.x2 <= piece.x1 || piece.y2 <= piece.y1) return
    const folder = join('crops', className.replace(/[/\\:\0]/g, '_').replace(/^\.+$/, '_') || '_')
    let file = join(folder, `${name}.jpg`)
    for (let number = 2; this.#taken.has(file); number++) file = join(folder, `${name}-${number}.jpg`)
    this.#taken.add(file)
    await this.#write(file, await cropFigure(image, piece))
  }

  async #writePicture(file: string, { image, detections, kind, path }: Prediction): Promise<void> {
    const { detectionsFigure, detectionsPixels } = await import('../report/index.ts')
    const { labelText, line, videoStride } = this.#options
    const boxes = detections.map((detection) => {
      const label = labelText(detection)
      return { ...detection.box, class: detection.classIndex, ...(label !== undefined && { label }) }
    })
    const picture = { image, boxes, line }
    if (kind === 'image') {
      const format = formats[extname(file).toLowerCase()] ?? 'png'
      await this.#write(file, await detectionsFigure(picture, format))
      return
    }
    if (!this.#video) {
      const { videoRate } = await import('../detect/index.ts')
      const rate = (await videoRate(path)) / videoStride
      this.#video = new VideoWriter(join(this.#folder, file), image, rate)
    }
    await this.#video.add(await detectionsPixels(picture))
  }

  async #endVideo(): Promise<void> {
    await this.#video?.close()
    this.#video = undefined
  }

  async #write(name: string, content: Uint8Array | string): Promise<void> {
    const path = join(this.#folder, name)
    try {
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    } catch (cause) {
      throw new FileWriteError(path, cause as NodeJS.ErrnoException)
    }
  }
}

/** Frames into an MP4 file, by the program ffmpeg. */
class VideoWriter {
  readonly #child: ChildProcess
  readonly #path: string
  readonly #ended: Promise<number | null>
  #complaint = ''

  constructor(path: string, { width, height }: { readonly width: number; readonly height: number }, rate: number) {
    this.#path = path
    const input = ['-f', 'rawvideo', '-pix_fmt', 'rgba', '-s', `${width}x${height}`, '-r', String(rate), '-i', '-']
    // The usual encoders want even sides.
    const output = ['-vf', 'pad=ceil(iw/2)*2:ceil(ih/2)*2', '-pix_fmt', 'yuv420p', '-y', `file:${path}`]
    this.#child = spawn('ffmpeg', ['-v', 'error', ...input, ...output], { stdio: ['pipe', 'ignore', 'pipe'] })
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaint += text.slice(0, 2000)))
    this.#child.stdin!.on('error', () => {}) // how it ended says more
    this.#ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#complaint = error.message
        resolve(null)
      })
      this.#child.once('close', resolve)
    })
  }

  async add(rgba: Uint8Array): Promise<void> {
    const { stdin } = this.#child
    if (stdin!.destroyed) await this.close()
    if (!stdin!.write(rgba)) await Promise.race([once(stdin!, 'drain').catch(() => {}), this.#ended])
  }

  async close(): Promise<void> {
    this.#child.stdin!.end()
    const code = await this.#ended
    if (code !== 0)
      throw new VideoError(this.#path, `ffmpeg could not write it: ${this.#complaint.trim().split('\n').at(-1)}`)
  }
}
