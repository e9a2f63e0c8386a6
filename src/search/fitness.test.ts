import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FitnessInvalidError } from '../base/index.ts'
import { fitnessPresets, parseFitness } from './index.ts'

const metrics = { precision: 0.5, recall: 0.25, mAP50: 0.4, mAP50to95: 0.2, 'mAP50/person': 0.8, 'a b': 3, 'lr.x': 2 }

describe('parseFitness', () => {
  it.each([
    ['mAP50', 0.4],
    ['0.2*recall + 0.8*mAP50to95', 0.2 * 0.25 + 0.8 * 0.2],
    ['precision - recall - mAP50', 0.5 - 0.25 - 0.4],
    ['precision / recall / 2', 1],
    ['2 ^ 3 ^ 2 + 0*recall', 512],
    ['-recall^2', -(0.25 ** 2)],
    ['2^-1 * recall', 0.125],
    ['- - recall', 0.25],
    ['(precision + recall) * 2', 1.5],
    ['min(precision, recall, 3)', 0.25],
    ['max(recall, min(precision, 1e-3))', 0.25],
    ["'mAP50/person' * 0.5", 0.4],
    ['"a b" + `lr.x`', 5],
    ['1e2*recall+.5', 25.5],
    ['2.*recall', 0.5],
    ['recall*2\n+ 1', 1.5],
    ['mAP50/precision', 0.8],
    ['2*precision*recall/(precision+recall)', (2 * 0.5 * 0.25) / 0.75],
    ['f1', (2 * 0.5 * 0.25) / (0.75 + 1e-16)],
    ['yolov5', 0.1 * 0.4 + 0.9 * 0.2],
    [' yolov3-2020-01 ', 0.4 * 0.8 + 0.2 * ((2 * 0.5 * 0.25) / (0.75 + 1e-16))],
  ])('%s', (text, value) => {
    const fitness = parseFitness(text)
    expect(fitness.evaluate(metrics)).toBe(value)
    expect(fitness.problem(metrics)).toBeUndefined()
  })

  it('names the metrics that it reads', () => {
    expect(parseFitness("recall + 'mAP50/person' + recall").keys).toEqual(['recall', 'mAP50/person'])
    expect(parseFitness('yolov5').keys).toEqual(['mAP50', 'mAP50to95'])
    expect(Object.keys(fitnessPresets)).toContain('yolov5')
  })

  it('is NaN, and says why, if a metric is missing or NaN or the result is not finite', () => {
    const cases = [
      ['mAP75', {}, 'mAP75 is missing'],
      ['recall + mAP50', { recall: Number.NaN }, 'recall is NaN, mAP50 is missing'],
      ['min(recall, precision)', { recall: 1 }, 'precision is missing'],
      ['0 * mAP75 + recall', { recall: 1 }, 'mAP75 is missing'],
      ['1 / recall', { recall: 0 }, 'the fitness 1 / recall is Infinity'],
      ['f1', { precision: 1 }, 'f1 is missing'],
      ['toString', {}, 'toString is missing'],
    ] as const
    for (const [text, given, problem] of cases) {
      const fitness = parseFitness(text)
      expect([text, fitness.evaluate(given), fitness.problem(given)]).toEqual([text, Number.NaN, problem])
    }
  })

  it.each([
    ['', 'at character 1, a number or a metric is expected (the formula ends)'],
    ['0.5', 'it names no metric'],
    ['recall +', 'at character 9, a number or a metric is expected'],
    ['recall recall', 'at character 8, an operator is expected ("recall" stands there)'],
    ['recall * (precision', 'a closing parenthesis is expected'],
    ['recall)', 'an operator is expected (")" stands there)'],
    ['mean(recall)', 'there is no function "mean", only min and max'],
    ['min(recall; 2)', 'a comma or a closing parenthesis is expected'],
    ['min()', 'a number or a metric is expected'],
    ['recall $ 2', 'at character 8, an operator is expected ("$" stands there)'],
    ["'recall", 'a number or a metric is expected'],
    ["'' + recall", 'a metric has a name'],
    ['constructor(recall)', 'there is no function "constructor"'],
    [`${'('.repeat(500)}recall`, 'nested too deeply'],
    [`${'-'.repeat(500)}recall`, 'nested too deeply'],
    ['recall+'.repeat(500), 'too long'],
  ])('refuses %j', (text, message) => {
    expect(() => parseFitness(text)).toThrow(FitnessInvalidError)
    expect(() => parseFitness(text)).toThrow(message)
  })

  it('refuses metrics that the trainer does not log, and guesses typing errors', () => {
    const known = Object.keys(metrics)
    expect(() => parseFitness('recal', known)).toThrow(
      'at character 1, "recal" is no metric of this training (did you mean recall?)',
    )
    expect(() => parseFitness('recall + speed', known)).toThrow('at character 10, "speed"')
    expect(parseFitness("'mAP50to95/dog'", known).keys).toEqual(['mAP50to95/dog'])
  })

  it('throws only its own error on any text', () => {
    const piece = fc.constantFrom(
      'recall',
      '(',
      ')',
      '+',
      '-',
      '*',
      '/',
      '^',
      ',',
      'min',
      "'",
      '1',
      '.5',
      'e9',
      ' ',
      '\n',
      '∑',
    )
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 40 }).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(text, (each) => {
        try {
          parseFitness(each).evaluate(metrics)
        } catch (error) {
          expect(error).toBeInstanceOf(FitnessInvalidError)
        }
      }),
      { numRuns: 300 },
    )
  })
})
