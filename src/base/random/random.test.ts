import { describe, expect, it } from 'vitest'
import { NumpyRandom, PythonRandom, randomFor } from './index.ts'
import { preciseCosSin, preciseLog } from './precise.ts'

describe('PythonRandom', () => {
  it('continues from a saved state, the kept normal included', () => {
    const random = new PythonRandom(7)
    random.gauss()
    const state = random.getState()
    const expected = [random.gauss(), random.random(), random.randint(0, 1e12)]
    const other = new PythonRandom(8)
    other.setState(state)
    expect([other.gauss(), other.random(), other.randint(0, 1e12)]).toEqual(expected)
  })

  it('takes seeds beyond 32 and 53 bits, and ignores the sign', () => {
    // python3 -c "import random; random.seed(2**80 + 12345); print(random.random())"
    expect(new PythonRandom(2n ** 80n + 12345n).random()).toBe(0.7304434512634141)
    expect(new PythonRandom(-(2n ** 80n) - 12345n).random()).toBe(0.7304434512634141)
    expect(new PythonRandom(2 ** 40).random()).toBe(0.1036394562812375)
  })

  it('draws integers beyond 32 bits as Python does', () => {
    const random = new PythonRandom(3)
    expect([random.randrange(10 ** 12), random.randrange(5, 10 ** 15), random.getrandbits(53)]).toEqual([
      649562111997, 146842974329679, 8250096893649316,
    ])
  })

  it('refuses weights without a positive, finite sum', () => {
    const random = new PythonRandom(0)
    expect(() => random.choices([1, 2], [0, 0])).toThrow('greater than zero')
    expect(() => random.choices([1, 2], [1, Number.NaN])).toThrow('finite')
  })
})

describe('NumpyRandom', () => {
  it('continues from a saved state, the kept normal included', () => {
    const random = new NumpyRandom(7)
    random.normal()
    const state = random.getState()
    const expected = [random.normal(), random.random(), random.normal(3, 2)]
    const other = new NumpyRandom(8)
    other.setState(state)
    expect([other.normal(), other.random(), other.normal(3, 2)]).toEqual(expected)
  })

  it('takes a list of words as seed', () => {
    expect(new NumpyRandom([1, 2, 3]).random()).toBe(0.6098612722867289)
  })

  it('refuses seeds that NumPy refuses', () => {
    expect(() => new NumpyRandom(-1)).toThrow('-1')
    expect(() => new NumpyRandom(2 ** 32)).toThrow('4294967296')
  })
})

describe('randomFor', () => {
  it('depends on both numbers and on nothing else', () => {
    const first = (seed: number, trial: number) => {
      const { python, numpy } = randomFor(seed, trial)
      return [python.random(), numpy.random()]
    }
    expect(first(0, 1)).toEqual(first(0, 1))
    const all = [first(0, 0), first(0, 1), first(1, 0), first(2 ** 32, 0)].flat()
    expect(new Set(all).size).toBe(8)
  })
})

describe('preciseLog, preciseCosSin', () => {
  it('stay within one unit in the last place of the machine functions, also at the ends', () => {
    for (const x of [2 ** -1022, 1e-300, 0.5, 1 - 2 ** -53, 1 + 2 ** -52, 2, 1e308])
      expect(Math.abs(preciseLog(x) - Math.log(x))).toBeLessThanOrEqual(Math.abs(Math.log(x)) * 2 ** -52)
    for (let x = 0; x < 6.3; x += 0.1) {
      const [cos, sin] = preciseCosSin(x)
      expect(cos).toBeCloseTo(Math.cos(x), 15)
      expect(sin).toBeCloseTo(Math.sin(x), 15)
    }
  })
})
