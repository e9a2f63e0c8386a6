import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { NumpyRandom, PythonRandom, randomFor } from './index.ts'
import { preciseCosSin } from './precise.ts'

const digest = (count: number, next: () => number) =>
  createHash('sha256')
    .update(Float64Array.from({ length: count }, next))
    .digest('hex')

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

  it('draws 100000 normals of NumPy on glibc, bit for bit', () => {
    // python3 -c "import hashlib, numpy as np; np.random.seed(0)
    // print(hashlib.sha256(np.random.normal(size=100000).tobytes()).hexdigest())"
    const random = new NumpyRandom(0)
    expect(digest(100000, () => random.normal())).toBe(
      '06b8b448ce70018197442cc578383be6c0b1a83f2348f5b5c03176d0865a0d9e',
    )
  })

  it.each([
    [32, 32, '492f358de6903f0fdd07d6d42ab78bd2f51237e67ca86eda4e55d1e09b769a63'],
    [0.5, 0.5, '43a8e50dc2ed7c15de71f918e81742f0893e26e10e33080588745bb9b0bc9b12'],
    [0.2, 0.3, '06a81ab118afd1da8f5d25b2484b3ea41e3fae307bd01b2e74ee1d0c19c3e761'],
    [0.003, 0.002, '9a978f75c2784314d355242a28251a0bc601b68c96af62ff9bdc2dc5152d472a'],
    [2.5, 0.7, '085b69f985b20ac5230e13c72af202f3de90a4c5d6184087ccff45c1f513788e'],
    [1, 3, '08c76b10cfa3b69bf4bccad798839040dd3b77c4eb405402a884dd890f234543'],
  ])('draws 10000 of beta(%d, %d) of NumPy on glibc, bit for bit', (a, b, expected) => {
    // np.random.seed(3); np.random.beta(a, b, size=10000)
    const random = new NumpyRandom(3)
    expect(digest(10000, () => random.beta(a, b))).toBe(expected)
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

describe('preciseCosSin', () => {
  it('agrees with the machine functions', () => {
    for (let x = 0; x < 6.3; x += 0.1) {
      const [cos, sin] = preciseCosSin(x)
      expect(cos).toBeCloseTo(Math.cos(x), 15)
      expect(sin).toBeCloseTo(Math.sin(x), 15)
    }
  })
})
