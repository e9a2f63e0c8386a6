import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMetricLine } from './index.ts'

describe('parseMetricLine', () => {
  it('reads an epoch and its metrics', () => {
    expect(parseMetricLine('{"epoch": 3, "epochs": 10, "mAP50": 0.41, "mAP50/person": 1e-3}')).toEqual({
      epoch: 3,
      epochs: 10,
      metrics: { mAP50: 0.41, 'mAP50/person': 0.001 },
    })
  })

  it('reads metrics without an epoch, and an epoch without metrics', () => {
    expect(parseMetricLine('  {"recall":-1}\r')).toEqual({ metrics: { recall: -1 } })
    expect(parseMetricLine('{"epoch":1}')).toEqual({ epoch: 1, metrics: {} })
  })

  it('keeps what is no number as NaN, and infinities, however a language writes them', () => {
    const line = '{"a": NaN, "b": null, "c": -Infinity, "d": Infinity, "e": -NaN, "NaN": 1, "f \\" NaN": 2}'
    expect(parseMetricLine(line)).toEqual({
      metrics: {
        a: Number.NaN,
        b: Number.NaN,
        c: Number.NEGATIVE_INFINITY,
        d: Number.POSITIVE_INFINITY,
        e: Number.NaN,
        NaN: 1,
        'f " NaN': 2,
      },
    })
  })

  it('passes over values that are no numbers, and epochs that are no counts', () => {
    expect(parseMetricLine('{"epoch":0,"epochs":2.5,"loss":1,"model":"yolov5n","sizes":[1,2],"ok":true}')).toEqual({
      metrics: { loss: 1 },
    })
  })

  it.each([
    '',
    'epoch 3',
    '[1, 2]',
    '{}',
    '{"event": "start"}',
    '{"mAP50": 0.4',
    "{'mAP50': 0.4}",
    '{"a": 1} trailing',
    'loss {"a": 1}',
    '{NaN}',
    'null',
  ])('takes %j for ordinary output', (line) => expect(parseMetricLine(line)).toBeUndefined())

  it('throws at nothing', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void parseMetricLine(`{${text}}`)))
    const metrics = fc.dictionary(
      fc.string().filter((key) => key !== 'epoch' && key !== 'epochs'),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
      { minKeys: 1 },
    )
    fc.assert(
      fc.property(metrics, (values) => {
        expect({ ...parseMetricLine(JSON.stringify(values))?.metrics }).toEqual({ ...values })
      }),
    )
  })
})
