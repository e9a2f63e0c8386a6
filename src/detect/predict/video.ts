// Frames of a video, by the program ffmpeg: it writes one picture after the other (PPM: a short head, then plain RGB) into
// a pipe.
import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { VideoError } from '../../base/index.ts'
import type { RgbImage } from '../data/index.ts'

/** Heads are shorter. */
const mostHeadBytes = 64
/** Larger frames are no video. */
const mostPixels = 2 ** 28

/** A video as it is read. */
export interface VideoFrame extends RgbImage {
  /** From 1. */
  readonly number: number
}

/**
 * @param every - only each so many-th frame
 * @throws {@link VideoError} if there is no ffmpeg, or it cannot read the file
 */
export async function* readVideo(path: string, every = 1, signal?: AbortSignal): AsyncGenerator<VideoFrame> {
  const child = spawn(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-i', `file:${path}`, '-f', 'image2pipe', '-c:v', 'ppm', '-pix_fmt', 'rgb24', '-'],
    { stdio: ['ignore', 'pipe', 'pipe'], ...(signal && { signal }) },
  )
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-2000)))
  const ended = new Promise<{ code: number | null; error?: NodeJS.ErrnoException }>((resolve) => {
    child.once('error', (error) => resolve({ code: null, error }))
    child.once('close', (code) => resolve({ code }))
  })
  let number = 0
  try {
    for await (const frame of framesOf(child.stdout, path)) if (number++ % every === 0) yield { ...frame, number }
    const { code, error } = await ended
    signal?.throwIfAborted()
    if (error?.code === 'ENOENT')
      throw new VideoError(
        path,
        'videos are read by the program ffmpeg, which is not on the PATH. Install it, or make images of the frames elsewhere.',
      )
    if (error) throw new VideoError(path, `ffmpeg did not start: ${error.message}`)
    if (code !== 0 || number === 0)
      throw new VideoError(path, `ffmpeg cannot read it: ${lastLine(complaint) || `it ended with code ${code}`}.`)
  } finally {
    child.stdout.destroy()
    child.kill()
  }
}

/** Frames per second of a video; 25 if ffmpeg does not say. */
export async function videoRate(path: string): Promise<number> {
  const child = spawn('ffmpeg', ['-nostdin', '-i', `file:${path}`], { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (text += part))
  await new Promise<void>((resolve) => child.once('error', () => resolve()).once('close', () => resolve()))
  const rate = Number(/Video:.*?(\d+(?:\.\d+)?) fps/.exec(text)?.[1])
  return rate > 0 ? rate : 25
}

async function* framesOf(stream: Readable, path: string): AsyncGenerator<RgbImage> {
  let head: Buffer = Buffer.alloc(0)
  let frame: { readonly image: RgbImage; filled: number } | undefined
  for await (const piece of stream as AsyncIterable<Buffer>) {
    let rest = piece
    while (rest.length > 0) {
      if (!frame) {
        head = Buffer.concat([head, rest])
        const [match, width, height] = /^P6\s(\d+)\s(\d+)\s255\s/.exec(head.toString('latin1', 0, mostHeadBytes)) ?? []
        if (match === undefined) {
          if (head.length >= mostHeadBytes) throw new VideoError(path, 'ffmpeg did not write pictures.')
          break // the head is not complete
        }
        const [w, h] = [Number(width), Number(height)]
        if (!(w * h > 0 && w * h <= mostPixels))
          throw new VideoError(path, `its frames of ${w} x ${h} are no pictures.`)
        frame = { image: { data: new Uint8Array(3 * w * h), width: w, height: h }, filled: 0 }
        rest = head.subarray(match.length)
        head = Buffer.alloc(0)
      }
      const { data } = frame.image
      const taken = rest.subarray(0, data.length - frame.filled)
      data.set(taken, frame.filled)
      frame.filled += taken.length
      rest = rest.subarray(taken.length)
      if (frame.filled < data.length) break
      yield frame.image
      frame = undefined
    }
  }
}

const lastLine = (text: string) => text.trim().split('\n').at(-1)!.trim().replace(/\.$/, '')
