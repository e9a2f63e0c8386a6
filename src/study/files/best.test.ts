// The best hyp for other programs: what each release reads, and what is said about the rest.
import { describe, expect, it } from 'vitest'
import { parseDocument } from 'yaml'
import { HypFormatUnknownError } from '../../base/index.ts'
import type { Hyp } from '../../search/index.ts'
import { bestFormats, formatBest, releaseKeys } from './index.ts'

const read = (text: string) => parseDocument(text).toJS() as Hyp
const v7: Hyp = Object.fromEntries(
  [...releaseKeys['yolov5-v7.0'].required, 'anchors'].map((key, i) => [key, (i + 1) / 100]),
)

describe('formatBest', () => {
  it('gives every release the keys that it reads, in its order', () => {
    for (const format of bestFormats.filter((name) => name.includes('@'))) {
      const { required, anchors } = releaseKeys[format.replace('@', '-') as keyof typeof releaseKeys]
      const keys = Object.keys(read(formatBest(v7, {}, format)))
      expect([format, keys.filter((key) => key !== 'anchors')]).toEqual([format, required])
      expect([format, keys.indexOf('anchors')]).toEqual([format, anchors ? required.indexOf('anchor_t') + 1 : -1])
    }
  })

  it('says what it left out, what has another name, and what is not of this hyp', () => {
    const { copy_paste: _, anchors: __, ...short } = v7
    expect(formatBest(short, {}, 'yolov5')).toContain(
      'copy_paste: 0.0  # not in this hyp: the value that yolov5-v7.0 ships with',
    )
    const v3 = formatBest(v7, { mAP50: 0.51234567, 'mAP50/cat': 1 }, 'yolov5@v3.0', { title: 'Trial 3\nof x' })
    expect(v3.split('\n').slice(0, 3)).toEqual([
      '# Trial 3 of x',
      '# mAP50 0.51235',
      '# Left out, since yolov5-v3.0 does not read: lrf, warmup_epochs, warmup_momentum, warmup_bias_lr, mosaic, copy_paste, anchors',
    ])
    expect(v3).toContain(`giou: ${v7.box}  # called box elsewhere`)
  })

  it('carries no loss gain to a release with other scales, and all of a hyp of the release itself', () => {
    const v8 = read(formatBest(v7, {}, 'yolov3@v8'))
    expect(v8).toMatchObject({ giou: 3.54, cls: 37.4, obj: 64.3, lrf: 0.0005, lr0: v7.lr0, momentum: v7.momentum })
    const old: Hyp = Object.fromEntries(releaseKeys['yolov3-v8'].required.map((key, i) => [key, i + 0.5]))
    expect(read(formatBest(old, {}, 'yolov3@v8'))).toEqual(old)
    expect(read(formatBest(old, {}, 'yolov5'))).toMatchObject({ box: 0.05, cls: 0.5, lr0: old.lr0 })
  })

  it('gives Ultralytics what means the same there', () => {
    const text = formatBest(v7, {}, 'ultralytics')
    expect(Object.keys(read(text))).not.toContain('box')
    expect(read(text)).toMatchObject({ lr0: v7.lr0, mixup: v7.mixup })
    expect(text).toContain(`#   box: ${v7.box}\n`)
    const own: Hyp = { lr0: 0.01, box: 7.2, dfl: 1.4, close_mosaic: 10 }
    expect(read(formatBest(own, {}, 'ultralytics'))).toEqual(own)
    expect(formatBest(own, {}, 'ultralytics')).toContain('close_mosaic: 10\n')
  })

  it('writes a command that a shell reads back', () => {
    const train = {
      arguments: ['--data', "it's here.yaml", '--img', '640'],
      hypFile: 'runs/evolve/exp/hyp_evolve.yaml',
    }
    expect(formatBest(v7, {}, 'cli', { train })).toBe(
      "hypevolve train --data 'it'\\''s here.yaml' --img 640 --hyp runs/evolve/exp/hyp_evolve.yaml\n",
    )
  })

  it('refuses other names', () => {
    expect(() => formatBest(v7, {}, 'yolov5@v9')).toThrow(HypFormatUnknownError)
    expect(() => formatBest(v7, {}, 'toString')).toThrow(/yolov5@v6.2/)
  })
})
