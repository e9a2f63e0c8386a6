import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  FileNotResolvedError,
  HypevolveError,
  HypFileInvalidError,
  HypKeyUnknownError,
  HypPresetUnsupportedError,
  HypValueInvalidError,
} from '../base/index.ts'
import { checkHyp, defaultHypName, loadHyp, parseHyp, trainHyp } from './hyp.ts'
import { findPreset, presets } from './presets.ts'
import { resolveFile } from './resolve.ts'

describe('loadHyp', () => {
  it('takes scratch-low of v7.0 for every way to write it', () => {
    for (const name of [
      'scratch-low',
      'hyp.scratch-low',
      'hyp.scratch-low.yaml',
      'data/hyps/hyp.scratch-low.yaml',
      'v7.0/scratch-low',
      'yolov5@v7.0/hyp.scratch-low.yaml',
    ]) {
      const { hyp, source, cosLr, notes } = loadHyp(name)
      expect(source).toBe('yolov5@v7.0/scratch-low')
      expect([hyp.lr0, hyp.cls, hyp.obj, hyp.scale, cosLr, notes]).toEqual([0.01, 0.5, 1, 0.5, false, []])
    }
  })

  it('has the defaults of scratch-low', () => {
    const { hyp } = loadHyp('scratch-low')
    const defaults = Object.fromEntries(
      Object.entries(trainHyp).flatMap(([key, { default: value }]) => (value === undefined ? [] : [[key, value]])),
    )
    expect(hyp).toEqual(defaults)
  })

  it('takes the newest release that has the file', () => {
    expect(loadHyp('hyp.finetune.yaml').source).toBe('yolov5@v6.0/finetune')
    expect(loadHyp('no-augmentation').source).toBe('yolov5@master/no-augmentation')
    expect(loadHyp('v9.6.0/scratch').source).toBe('yolov3@v9.6.0/scratch')
  })

  it('says that the older releases come with their cosine', () => {
    for (const release of ['v3.1', 'v4.0', 'v5.0']) expect(loadHyp(`${release}/scratch`).cosLr).toBe(true)
    expect(loadHyp('v6.2/scratch-med').cosLr).toBe(false)
  })

  it('reads the first releases, which call the box gain giou and lack keys', () => {
    const { hyp, notes } = loadHyp('v1.0')
    expect([hyp.box, hyp.cls, hyp.lrf, hyp.fliplr]).toEqual([0.05, 0.58, 0.2, 0.5])
    expect(notes.join('\n')).toMatch(/"giou" is read as "box"/)
    expect(loadHyp('v2.0').hyp).not.toHaveProperty('optimizer')
  })

  it('refuses the set of the oldest YOLOv3 with the reason', () => {
    expect(() => loadHyp('yolov3@v6')).toThrow(HypPresetUnsupportedError)
  })

  it('prefers a file of the current folder', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'hyp-'))
    writeFileSync(join(cwd, 'hyp.scratch-low.yaml'), '\uFEFFlr0: 0.02\r\nlrf: 0.1\r\n')
    expect(loadHyp('hyp.scratch-low.yaml', cwd).hyp.lr0).toBe(0.02)
    expect(() => loadHyp('nothing.yaml', cwd)).toThrow(FileNotResolvedError)
  })

  it('loads every preset or says why not', () => {
    for (const preset of presets()) {
      if (preset.unsupported) continue
      const loaded = loadHyp(preset.name)
      const { hyp } = loaded
      for (const [key, value] of Object.entries(preset.raw))
        if (typeof value === 'number')
          expect(hyp).toHaveProperty(key === 'giou' && loaded.release === undefined ? 'box' : key, value)
    }
  })
})

describe('parseHyp', () => {
  it('suggests the key that was meant', () => {
    const error = catchError(() => parseHyp('lr0: 0.01\nmomentun: 0.9', 'my.yaml'))
    expect(error).toBeInstanceOf(HypKeyUnknownError)
    expect(error.message).toBe('my.yaml: the trainer has no hyperparameter "momentun". Did you mean "momentum"?')
  })

  it.each([
    ['lr0: fast', '"lr0: "fast""'],
    ['lr0: .nan', '"lr0: NaN"'],
    ['lr0: .inf', '"lr0: Infinity"'],
    ['lr0: -1', '"lr0: -1"'],
    ['momentum: 1', '"momentum: 1"'],
    ['lr0: true', '"lr0: true"'],
    ['lr0:', '"lr0: null"'],
    ['lr0: [1, 2]', '"lr0: [1,2]"'],
  ])('refuses %s', (text, shown) => {
    const error = catchError(() => parseHyp(text, 'my.yaml'))
    expect(error).toBeInstanceOf(HypValueInvalidError)
    expect(error.message).toContain(shown)
  })

  it.each(['', 'just words', '- 1\n- 2', 'lr0: 1\nlr0: 2', 'a: &a [*a]', '{'])('refuses %j', (text) => {
    expect(() => parseHyp(text, 'my.yaml')).toThrow(HypFileInvalidError)
  })

  it('keeps the order of the file and appends what it lacks', () => {
    const { hyp, notes } = parseHyp('lrf: 0.1\nlr0: 1e-3\n', 'my.yaml')
    expect(Object.entries(hyp).slice(0, 3)).toEqual([
      ['lrf', 0.1],
      ['lr0', 0.001],
      ['momentum', 0.937],
    ])
    expect(notes).toHaveLength(1)
  })

  it('answers hostile text with one of its own errors', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        try {
          parseHyp(text, 'x')
        } catch (error) {
          expect(error).toBeInstanceOf(HypevolveError)
        }
      }),
    )
    for (const name of ['__proto__', 'constructor', 'toString'])
      expect(() => parseHyp(`${name}: 1`, 'x')).toThrow(HypKeyUnknownError)
  })
})

it('checkHyp round-trips a complete set', () => {
  const { hyp } = loadHyp('VOC')
  expect(checkHyp(hyp, 'x').hyp).toEqual(hyp)
  expect(hyp.anchors).toBe(3.412)
})

it('resolveFile finds packaged models by base name', () => {
  expect(resolveFile('model', 'models/yolov5n.yaml').text).toContain('depth_multiple: 0.33')
  expect(resolveFile('model', 'yolov5x').text).toContain('depth_multiple: 1.33')
  const error = catchError(() => resolveFile('model', 'yolov5q.yaml'))
  expect(error.message).toContain('yolov5n.yaml, yolov5s.yaml')
})

it('findPreset needs the file where a release has several', () => {
  expect(findPreset('v7.0')).toBeUndefined()
})

function catchError(body: () => unknown): Error {
  try {
    body()
  } catch (error) {
    return error as Error
  }
  return expect.fail('nothing was thrown')
}

describe('hyperparameters of YOLOv3', () => {
  it('are told by their keys and keep their names', () => {
    const { hyp, release, notes } = loadHyp('yolov3@01dbdc45')
    expect(release).toBe('yolov3-2020-01')
    expect(Object.keys(hyp)).toHaveLength(18)
    expect(hyp).toMatchObject({ giou: 3.54, obj: 49.5, lrf: -4, fl_gamma: 0.5 })
    expect(notes).toEqual([])
  })

  it('are completed from January 2020 and checked by their own ranges', () => {
    expect(parseHyp('giou: 3\nlr0: 0.01\n', 'mine.yaml').hyp).toMatchObject({ giou: 3, lr0: 0.01, lrf: -4 })
    expect(() => parseHyp('giou: 3\nlrf: 2\n', 'mine.yaml')).toThrow(HypValueInvalidError)
    expect(() => parseHyp('giou: 3\nmixup: 0.5\n', 'mine.yaml')).toThrow(HypKeyUnknownError)
  })

  it('are the usual set of a cfg', () => {
    expect(defaultHypName('cfg/yolov3-tiny.cfg')).toBe('yolov3@01dbdc45')
    expect(defaultHypName('yolov5n.yaml')).toBe('scratch-low')
  })
})
