import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PredictSourceError, VideoError } from '../../base/index.ts'
import { Detector } from '../detector.ts'
import { glob } from './glob.ts'
import { predict } from './predict.ts'
import { listSources } from './sources.ts'
import { readVideo } from './video.ts'

let folder: string
const at = (...parts: string[]) => join(folder, ...parts)
const names = (files: readonly { readonly path: string }[]) => files.map(({ path }) => basename(path))

const photo = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 200, g: 60, b: 60 } } })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hypevolve-predict-'))
  mkdirSync(at('shots', 'deep', 'er'), { recursive: true })
  await photo(80, 60).jpeg().toFile(at('shots', 'b.jpg'))
  await photo(60, 80).png().toFile(at('shots', 'a[1].PNG'))
  await photo(40, 40)
    .png()
    .toFile(at('shots', 'deep', 'c.png'))
  await photo(40, 40)
    .png()
    .toFile(at('shots', 'deep', 'er', 'd.png'))
  await photo(90, 30).withMetadata({ orientation: 6 }).jpeg().toFile(at('turned.jpg'))
  writeFileSync(at('shots', 'clip.mp4'), 'no video')
  writeFileSync(at('shots', 'notes.md'), '')
  writeFileSync(at('broken.jpg'), 'no image')
  writeFileSync(at('list.txt'), './shots/b.jpg\nshots/deep/c.png\nnot-there.png\n')
  symlinkSync(at('shots'), at('shots', 'deep', 'back'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('listSources', () => {
  it('takes files, folders without those below, patterns and lists; images first', () => {
    expect(names(listSources([at('shots')]))).toEqual(['a[1].PNG', 'b.jpg', 'clip.mp4'])
    expect(names(listSources([at('shots', '**', '*.png')]))).toEqual(['c.png', 'd.png'])
    expect(names(listSources([at('shots', '*.[jm]*')]))).toEqual(['b.jpg', 'clip.mp4'])
    expect(names(listSources([at('shots', 'a[1].PNG'), at('turned.jpg'), at('shots', 'b.jpg')]))).toEqual([
      ...['a[1].PNG', 'b.jpg', 'turned.jpg'],
    ])
    expect(names(listSources(['list.txt'], folder))).toEqual(['b.jpg', 'c.png'])
    expect(names(listSources(['shots/b.jpg', 'shots'], folder))).toEqual(['a[1].PNG', 'b.jpg', 'clip.mp4'])
  })

  it.each([
    ['nowhere.jpg', /no such file/],
    ['0', /cameras/],
    ['rtsp://camera/1', /addresses/],
    ['shots/notes.md', /no image and no video/],
    ['shots/*.gif', /no image and no video/],
  ])('refuses %s and says why', (source, why) => {
    expect(() => listSources([source], folder)).toThrow(PredictSourceError)
    expect(() => listSources([source], folder)).toThrow(why)
  })
})

describe('glob', () => {
  it('matches as a shell does', () => {
    const match = (pattern: string) =>
      glob(pattern, folder)
        .map((path) => basename(path))
        .sort()
    expect(match('shots/?.jpg')).toEqual(['b.jpg'])
    expect(match('shots/[!a]*')).toEqual(['b.jpg', 'clip.mp4', 'notes.md'])
    expect(match('**/c.png')).toEqual(['c.png'])
    expect(match('shots/(*')).toEqual([])
    expect(match('shots/[z-a].jpg')).toEqual([])
  })
})

describe('predict', () => {
  let detector: Detector
  beforeAll(async () => {
    detector = await Detector.load('yolov5n-digits', { threads: 1 })
  })
  afterAll(() => detector.close())

  it('looks at one after the other, turned as EXIF says', async () => {
    const seen: unknown[] = []
    const options = { imagePx: 64, confidence: 0.001, maxDetections: 3, classes: [1, 2] }
    for await (const { path, file, files, image, detections, seen: by } of predict(
      detector,
      [at('shots', 'b.jpg'), at('turned.jpg')],
      options,
    )) {
      expect(detections.length).toBeLessThanOrEqual(3)
      for (const { box, classIndex } of detections) {
        expect([1, 2]).toContain(classIndex)
        expect(box.x1 >= 0 && box.x2 <= image.width && box.y1 >= 0 && box.y2 <= image.height).toBe(true)
      }
      seen.push([basename(path), `${file}/${files}`, image.width, image.height, by])
    }
    expect(seen).toEqual([
      ['b.jpg', '1/2', 80, 60, { width: 64, height: 64 }],
      ['turned.jpg', '2/2', 30, 90, { width: 32, height: 64 }],
    ])
  })

  it('fails at an image that cannot be read, or leaves it out and tells', async () => {
    const look = async (onUnreadable?: () => void) => {
      const paths: string[] = []
      const options = { imagePx: 64, ...(onUnreadable && { onUnreadable }) }
      for await (const { path } of predict(detector, [at('broken.jpg'), at('turned.jpg')], options)) paths.push(path)
      return names(paths.map((path) => ({ path })))
    }
    await expect(look()).rejects.toThrow(/broken\.jpg/)
    let told = 0
    expect(await look(() => told++)).toEqual(['turned.jpg'])
    expect(told).toBe(1)
  })

  it('ends between two images when told to', async () => {
    const controller = new AbortController()
    const run = async () => {
      for await (const _ of predict(detector, at('shots', '*.[jP]*'), { imagePx: 64, signal: controller.signal }))
        controller.abort(new Error('enough'))
    }
    await expect(run()).rejects.toThrow('enough')
  })
})

describe('readVideo', () => {
  /** A program that stands where ffmpeg does and writes what ffmpeg writes, in pieces that fall anywhere. */
  const withProgram = async (body: string, use: () => Promise<void>) => {
    const bin = at('bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'ffmpeg'), `#!${process.execPath}\n${body}`)
    chmodSync(join(bin, 'ffmpeg'), 0o755)
    const before = process.env['PATH']
    process.env['PATH'] = `${bin}${delimiter}${before}`
    try {
      await use()
    } finally {
      process.env['PATH'] = before
    }
  }
  const frames = `
    const frame = (value) => Buffer.concat([Buffer.from('P6\\n5 3\\n255\\n'), Buffer.alloc(45, value)])
    const all = Buffer.concat([1, 2, 3, 4].map(frame))
    for (let at = 0; at < all.length; at += 7) process.stdout.write(all.subarray(at, at + 7))
  `

  it('gives the frames that a program writes, or every second one', async () => {
    await withProgram(frames, async () => {
      for (const [every, expected] of [
        [1, [1, 2, 3, 4]],
        [2, [1, 3]],
      ] as const) {
        const found: number[] = []
        for await (const { number, width, height, data } of readVideo(at('shots', 'clip.mp4'), every)) {
          expect([width, height, data.length]).toEqual([5, 3, 45])
          expect(data.every((value) => value === number)).toBe(true)
          found.push(number)
        }
        expect(found).toEqual(expected)
      }
    })
  })

  it('says what is wrong with a video, or that the program is missing', async () => {
    const read = async () => {
      for await (const _ of readVideo(at('shots', 'clip.mp4'))) break
    }
    await withProgram(`process.stderr.write('x\\nInvalid data found\\n'); process.exitCode = 1`, () =>
      expect(read()).rejects.toThrow(/Invalid data found/),
    )
    await withProgram(`process.stdout.write('GIF89a'.repeat(20))`, () => expect(read()).rejects.toThrow(VideoError))
    const before = process.env['PATH']
    process.env['PATH'] = at('nowhere')
    try {
      await expect(read()).rejects.toThrow(/ffmpeg, which is not on the PATH/)
    } finally {
      process.env['PATH'] = before
    }
  })
})
