import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../../test/helpers/data-set.ts'
import { UsageError } from '../../../base/index.ts'
import type { MetricReader } from '../../process/index.ts'
import type { EpochReport } from '../../trainer.ts'
import { metricKinds, parseMetrics } from './index.ts'

interface Followed {
  readonly out: string
  readonly reports: EpochReport[]
  readonly reader: MetricReader
}

function follow(spec: string, before?: { name: string; text: string }): Followed {
  const out = temporaryFolder()
  if (before) writeText(join(out, before.name), before.text)
  const reports: EpochReport[] = []
  return { out, reports, reader: parseMetrics(spec)({ out, onEpoch: (report) => reports.push(report), after: 0 }) }
}

/** A program that writes a file, or its output, and ends. */
async function said(spec: string, { file, output }: { file?: [name: string, text: string]; output?: string }) {
  const followed = follow(spec)
  if (file) writeText(join(followed.out, file[0]), file[1])
  for (const line of output?.split('\n') ?? []) followed.reader.line?.(line, 'stdout')
  await followed.reader.poll?.()
  followed.reader.end?.()
  return { reports: followed.reports, metrics: followed.reader.metrics, problem: followed.reader.problem }
}

const epoch = (number: number, metrics: Record<string, number>): EpochReport => ({ epoch: number, metrics })

describe('--metrics', () => {
  it.each([
    ['xml:a', 'it begins with json-lines, csv, json, regex; for example json-lines:log.txt'],
    ['', 'it begins with'],
    ['csv', 'the file is missing; for example csv:results.csv:mAP50=metrics/mAP50(B)'],
    ['csv:', 'the file is missing'],
    ['json', 'the file is missing; for example json:result.json:mAP50=eval.map'],
    ['csv::mAP50=a', 'the file is missing'],
    ['csv:a.csv:mAP50', 'behind the file stand renamings, metric=name, not "mAP50"'],
    ['csv:a.csv:mAP50=', 'mAP50 is renamed from nothing'],
    ['csv:a.csv:mAP50=x,mAP50=y', 'mAP50 is there twice'],
    ['regex', 'the expression is missing'],
    ['regex:mAP (', 'it is no regular expression (Unterminated group)'],
    ['regex:mAP: (\\d+)', "it has no group with the name of a metric; for example 'regex:"],
    ['regex:(?<epoch>\\d+)', 'it has no group with the name of a metric'],
    ['regex:(?P<mAP50>\\d+)', 'groups are written (?<name>…), not (?P<name>…)'],
  ])('%j is no source', (spec, problem) => {
    expect(() => parseMetrics(spec)).toThrow(UsageError)
    expect(() => parseMetrics(spec)).toThrow(`--metrics ${spec}: ${problem}`)
  })

  it('has examples that are sources', () => {
    for (const { example } of Object.values(metricKinds)) parseMetrics(example.replace(/^'|'$/g, ''))
  })

  it('finds files by their place in {out}, and names with colons, commas and brackets', async () => {
    const table = 'epoch,metrics/mAP_0.5,metrics/mAP_0.5:0.95,"a, b"\n1,0.5,0.25,3\n'
    const names = 'mAP50=metrics/mAP_0.5,mAP50to95=metrics/mAP_0.5:0.95,ab=a, b'
    const wanted = { mAP50: 0.5, mAP50to95: 0.25, ab: 3 }
    for (const path of ['x/r.csv', '{out}/x/r.csv', 'x/*.csv'])
      expect((await said(`csv:${path}:${names}`, { file: ['x/r.csv', table] })).metrics).toEqual(wanted)
    const elsewhere = writeText(join(temporaryFolder(), 'r.csv'), 'epoch,a\n')
    const { reader } = follow(`csv:${elsewhere}`)
    writeFileSync(elsewhere, 'epoch,a\n1,2\n')
    await reader.poll!()
    expect(reader.metrics).toEqual({ a: 2 })
  })
})

describe('json:FILE', () => {
  it('gives all numbers, those inside of objects by their path', async () => {
    const text = '{"epoch": 3.0, "eval": {"map": 0.5, "per_class": [1, 2]}, "eval_loss": NaN, "name": "x", "ok": true}'
    const { metrics, reports } = await said('json:r.json', { file: ['r.json', text] })
    expect(metrics).toEqual({ 'eval.map': 0.5, eval_loss: Number.NaN })
    expect(reports).toEqual([epoch(3, { 'eval.map': 0.5, eval_loss: Number.NaN })])
  })

  it('looks into lists by a name', async () => {
    const text = '{"log_history": [{"eval.map": 0.1}, {"eval.map": 0.7, "epoch": 2}, {"train_runtime": 3}]}'
    const spec = 'json:trainer_state.json:mAP50=log_history.-2.eval.map,epoch=log_history.1.epoch'
    expect(await said(spec, { file: ['trainer_state.json', text] })).toEqual({
      metrics: { mAP50: 0.7 },
      reports: [epoch(2, { mAP50: 0.7 })],
      problem: undefined,
    })
  })

  it('is followed while it is written anew', async () => {
    const { out, reader, reports } = follow('json:r.json', { name: 'r.json', text: '{"epoch": 9, "a": 9}' })
    await reader.poll!()
    expect(reader.problem).toMatch(/r\.json, where its metrics are expected, was not written by this training\.$/)
    for (const text of ['{"epoch": 1, "a": 1}', '{"epoch": 2, "a"', '{"epoch": 2, "a": 2.5}']) {
      writeFileSync(join(out, 'r.json'), text)
      await reader.poll!()
    }
    expect(reports).toEqual([epoch(1, { a: 1 }), epoch(2, { a: 2.5 })])
    expect(reader.metrics).toEqual({ a: 2.5 })
  })

  it('says what is wrong with it', async () => {
    const problem = async (text: string | undefined, spec = 'json:r.json') =>
      (await said(spec, text === undefined ? {} : { file: ['r.json', text] })).problem
    expect(await problem(undefined)).toMatch(/is not there\.$/)
    expect(await problem('')).toMatch(/is no JSON object\.$/)
    expect(await problem('[1]')).toMatch(/is no JSON object\.$/)
    expect(await problem('{"a": "b"}')).toMatch(/has no numbers\.$/)
    expect(await problem('{"a": 1}', 'json:r.json:mAP50=eval.map')).toMatch(/has no number eval\.map; it has: a\.$/)
    expect(await problem(' '.repeat(17 * 2 ** 20))).toMatch(/up to 16777216 are read\.$/)
  })
})

describe('json-lines', () => {
  it('on standard output are what a program says by itself', async () => {
    const { metrics, reports } = await said('json-lines', { output: 'hello\n{"epoch": 2, "epochs": 5, "mAP50": 0.5}' })
    expect(metrics).toEqual({ mAP50: 0.5 })
    expect(reports).toEqual([{ epoch: 2, epochs: 5, metrics: { mAP50: 0.5 } }])
  })

  it('may have other names', async () => {
    const output = '{"step": 1, "val": {"map": 0.5}}\nnoise\n{"step": 2, "val": {"map": 0.6}, "lr": 0.1}'
    const { metrics, reports } = await said('json-lines::mAP50=val.map,epoch=step', { output })
    expect(metrics).toEqual({ mAP50: 0.6, lr: 0.1 })
    expect(reports).toEqual([epoch(1, { mAP50: 0.5 }), epoch(2, { mAP50: 0.6, lr: 0.1 })])
    const other = await said('json-lines::mAP50=val.map', { output: '{"map": 1}' })
    expect(other.problem).toBe('It ended well, but its standard output has no line with a number val.map.')
  })

  it('may be in a file', async () => {
    // As the log.txt of DETR: counts from 0, the metrics of COCO in a list.
    const line = (n: number) => `{"train_loss": ${n}, "coco_eval": [0.${n}, 0.5], "epoch": ${n}}\n`
    const { out, reader, reports } = follow('json-lines:log.txt:mAP50to95=coco_eval.0,mAP50=coco_eval.1')
    writeFileSync(join(out, 'log.txt'), line(0) + line(1).slice(0, 20))
    await reader.poll!()
    writeFileSync(join(out, 'log.txt'), line(0) + line(1))
    await reader.poll!()
    const metrics = (n: number) => ({ train_loss: n, mAP50to95: n / 10, mAP50: 0.5 })
    expect(reports).toEqual([epoch(1, metrics(0)), epoch(2, metrics(1))])
    expect(reader.metrics).toEqual(metrics(1))
    expect((await said('json-lines:log.txt', {})).problem).toMatch(/log\.txt.* is not there\.$/)
    expect((await said('json-lines:log.txt', { file: ['log.txt', 'x\n'] })).problem).toMatch(
      /has no line that is a JSON/,
    )
  })
})

describe('regex:EXPRESSION', () => {
  it('finds metrics and epochs on one line', async () => {
    const spec = 'regex:Epoch (?<epoch>\\d+)/(?<epochs>\\d+).*mAP50: (?<mAP50>[\\d.]+|nan)'
    const output = '\u001b[32mEpoch 1/3\u001b[0m loss 2, mAP50: 0.5.\nEpoch 2/3  0%|\rEpoch 2/3 100%| mAP50: nan\nend'
    const { metrics, reports } = await said(spec, { output })
    expect(reports).toEqual([
      { epoch: 1, epochs: 3, metrics: { mAP50: 0.5 } },
      { epoch: 2, epochs: 3, metrics: { mAP50: Number.NaN } },
    ])
    expect(metrics).toEqual({ mAP50: Number.NaN })
  })

  it('finds them on several lines, and tells an epoch when it has all', async () => {
    const { reader, reports } = follow('regex:^Epoch: (?<epoch>\\d+)|AP50 = (?<mAP50>\\S+)|AP = (?<mAP50to95>\\S+)')
    const lines = ['Epoch: 0', 'AP50 = 0.5', 'AP = 0.25', 'Epoch: 1', 'AP50 = 0.75', 'AP50 = 0.8', 'done']
    for (const line of lines) reader.line!(line, 'stderr')
    await reader.poll!()
    expect(reports).toEqual([epoch(1, { mAP50: 0.5, mAP50to95: 0.25 })])
    reader.end!()
    expect(reports.slice(1)).toEqual([epoch(2, { mAP50: 0.8 })])
    expect(reader.metrics).toEqual({ mAP50: 0.8, mAP50to95: 0.25 })
  })

  it('looks at the end of a line that is too long, and at many lines', async () => {
    const output = `${'x'.repeat(60_000)} mAP=0.5\n${'noise\n'.repeat(10_000)}mAP=0.6 ${'x'.repeat(3000)}`
    expect((await said('regex:mAP=(?<mAP50>\\S+)', { output })).metrics).toEqual({ mAP50: 0.5 })
  })

  it('says that nothing matched', async () => {
    const { problem } = await said('regex:mAP=(?<mAP50>\\S+)', { output: 'map=0.5' })
    expect(problem).toBe(
      'It ended well, but no line of its output matches mAP=(?<mAP50>\\S+), which --metrics expects.',
    )
  })

  it('ends one that backtracks for ever', async () => {
    const output = `x=1\n${'a'.repeat(60)}!\nx=2`
    const { metrics, problem } = await said('regex:^x=(?<x>\\d)$|^(?<a>(a+)+)$', { output })
    expect(metrics).toBeUndefined()
    expect(problem).toMatch(/takes too long on a line like "aaa.*without repetitions inside of repetitions\.$/)
  })
})
