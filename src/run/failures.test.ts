import { describe, expect, it } from 'vitest'
import { RepeatedFailureError } from '../base/index.ts'
import { type EndedTrial, type FailureClass, failureClasses } from '../search/index.ts'
import { isRetried, repeatedFailure } from './failures.ts'

const proposed = (number: number) => ({ number, hyp: { lr0: number }, parents: [], mutated: [], attempt: 1 })
const complete = (number: number): EndedTrial => ({ ...proposed(number), state: 'complete', fitness: 1, metrics: {} })
const failed = (number: number, failure: FailureClass, ...output: string[]): EndedTrial => ({
  ...proposed(number),
  state: 'failed',
  failure,
  output,
})
const many = (count: number, make: (number: number) => EndedTrial) => Array.from({ length: count }, (_, i) => make(i))

describe('isRetried', () => {
  it('tries once more what may be bad luck', () => {
    const retried = failureClasses.filter((failure) => isRetried(failure, [{ ending: undefined }]))
    expect(retried).toEqual(['out-of-memory', 'crash', 'hang'])
  })

  it('counts failed attempts only', () => {
    expect(isRetried('crash', [{ ending: 'lost' }, { ending: 'released' }, { ending: undefined }])).toBe(true)
    expect(isRetried('crash', [{ ending: 'failed' }, { ending: undefined }])).toBe(false)
  })
})

describe('repeatedFailure', () => {
  it('stops after the first three that failed alike', () => {
    expect(repeatedFailure(many(2, (n) => failed(n, 'crash', 'no such file')))).toBeUndefined()
    const error = repeatedFailure(many(3, (n) => failed(n, 'crash', `step ${n}`, 'no such file')))
    expect(error).toBeInstanceOf(RepeatedFailureError)
    expect(error).toMatchObject({ failures: 3, failure: 'crash', output: ['step 2', 'no such file'] })
    expect(error?.message).toMatch(/3 trainings in a row.*\(crash\)[\s\S]*hypevolve resume[\s\S]*no such file/)
  })

  it('tells what to try, by class', () => {
    expect(repeatedFailure(many(3, (n) => failed(n, 'out-of-memory', 'x')))?.message).toContain('--batch-size')
    expect(repeatedFailure(many(3, (n) => failed(n, 'diverged', 'x')))?.message).toContain('lr0')
  })

  it('takes failures for alike although numbers in their last line differ', () => {
    const crashes = many(3, (n) => failed(n, 'crash', `pid ${1000 * n} at 0x${n}ff died`))
    expect(repeatedFailure(crashes)).toBeDefined()
  })

  it('goes on if they failed differently', () => {
    const texts = ['no such file', 'no such device', 'no such file']
    expect(repeatedFailure(many(3, (n) => failed(n, 'crash', texts[n]!)))).toBeUndefined()
    const classes = ['crash', 'hang', 'crash'] as const
    expect(repeatedFailure(many(3, (n) => failed(n, classes[n]!, 'x')))).toBeUndefined()
  })

  it('needs ten in a row once something worked', () => {
    const after = (count: number) => [complete(0), ...many(count, (n) => failed(n + 1, 'crash', 'gone'))]
    expect(repeatedFailure(after(9))).toBeUndefined()
    expect(repeatedFailure(after(10))).toMatchObject({ failures: 10 })
    expect(repeatedFailure([...after(9), complete(10), failed(11, 'crash', 'gone')])).toBeUndefined()
    expect(repeatedFailure([...after(10), complete(11)])).toBeUndefined()
    expect(repeatedFailure([])).toBeUndefined()
  })
})
