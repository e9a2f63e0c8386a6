// The probe finds the blocked kernels where the processor has what they need; without this, tests of the blocked form
// could vanish silently.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DeviceError, EngineError } from '../base/index.ts'
import { imageLayoutFor, probeBlockSize, requireDevice } from './probe.ts'

const flags = process.platform === 'linux' ? readFileSync('/proc/cpuinfo', 'utf8') : ''
const expected = / avx512f /.test(flags) ? 16 : / avx2 /.test(flags) ? 8 : undefined

describe('probe', () => {
  it.runIf(expected !== undefined)('finds the block size of this processor', async () => {
    expect(await probeBlockSize()).toBe(expected)
  })

  it('gives the image layout of a choice', async () => {
    expect(await imageLayoutFor('plain')).toEqual({ kind: 'plain' })
    const block = await probeBlockSize()
    expect(await imageLayoutFor('auto')).toEqual(block === undefined ? { kind: 'plain' } : { kind: 'blocked', block })
    if (block === undefined) await expect(imageLayoutFor('blocked')).rejects.toThrow(EngineError)
    else expect(await imageLayoutFor('blocked')).toEqual({ kind: 'blocked', block })
    expect(await imageLayoutFor('auto', 'webgpu')).toEqual({ kind: 'plain' })
    await expect(imageLayoutFor('blocked', 'cuda:0')).rejects.toThrow(EngineError)
  })

  it('says what a device lacks', async () => {
    await expect(requireDevice('cpu')).resolves.toBeUndefined()
    await expect(requireDevice('cuda:99')).rejects.toThrow(DeviceError)
    await expect(requireDevice('cuda:99')).rejects.toThrow(/^The device "cuda:99" cannot be used: [^\n]+CUDA/)
  })
})
