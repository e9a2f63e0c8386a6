import { describe, expect, it } from 'vitest'
import { UsageError } from '../base/index.ts'
import { planSlots, type SlotRequest } from './index.ts'

/** `device*threads` of each slot. */
const slotsOf = (request: SlotRequest) => {
  const { slots } = planSlots(request)
  expect(slots.map(({ slot }) => slot)).toEqual(slots.map((_, i) => i))
  return slots.map(({ device, threads }) => `${device}*${threads}`).join(' ')
}

describe('planSlots', () => {
  it.each<[string, Omit<SlotRequest, 'gpus'>, string, RegExp[]]>([
    ['nothing said', { device: '', cores: 8 }, 'cpu*8', []],
    ['the processor', { device: 'cpu', cores: 8 }, 'cpu*8', []],
    ['jobs share the cores', { device: 'cpu', jobs: 2, cores: 8 }, 'cpu*4 cpu*4', []],
    ['the remainder goes to the first', { device: '', jobs: 3, cores: 8 }, 'cpu*3 cpu*3 cpu*2', []],
    ['more jobs than cores', { device: 'cpu', jobs: 3, cores: 2 }, 'cpu*1 cpu*1 cpu*1', [/3 trainings .* 2 cores/]],
    ['a GPU that is not used', { device: '0', cores: 8 }, 'cpu*8', [/GPU 0 cannot/]],
    ['as YOLOv5 and PyTorch write it', { device: 'cuda:0', cores: 8 }, 'cpu*8', [/cannot/]],
    ['devices are slots', { device: '0,1,2,3', cores: 8 }, 'cpu*2 cpu*2 cpu*2 cpu*2', [/GPUs 0,1,2,3 cannot/]],
    ['at most one a core', { device: '0,1,2,3', cores: 2 }, 'cpu*1 cpu*1', [/cannot/, /4 trainings .* 2 at once/]],
    ['pairs', { device: '0+1,2+3', cores: 8 }, 'cpu*4 cpu*4', [/cannot/]],
    ['several per device', { device: '0', perDevice: 2, cores: 8 }, 'cpu*4 cpu*4', [/cannot/]],
    ['jobs count if the devices do not', { device: '0', jobs: 2, cores: 2 }, 'cpu*1 cpu*1', [/cannot/]],
    ['Apple', { device: 'mps', cores: 8 }, 'cpu*8', [/Apple/]],
    ['WebGPU', { device: 'webgpu', cores: 8 }, 'webgpu*8', []],
    ['two trainings on one GPU', { device: 'WebGPU', perDevice: 2, cores: 8 }, 'webgpu*4 webgpu*4', []],
  ])('computes on the processor: %s', (_, request, slots, notes) => {
    expect(slotsOf({ ...request, gpus: 0 })).toBe(slots)
    const told = planSlots({ ...request, gpus: 0 }).notes
    expect(told).toHaveLength(notes.length)
    for (const [i, note] of notes.entries()) expect(told[i]).toMatch(note)
  })

  it.each<[string, Omit<SlotRequest, 'gpus'>, string]>([
    ['nothing said: the program chooses', { device: '', cores: 8 }, '*8'],
    ['the processor', { device: 'CPU', jobs: 2, cores: 3 }, 'cpu*2 cpu*1'],
    ['one GPU', { device: '0', cores: 8 }, '0*8'],
    ['four GPUs', { device: '0,1,2,3', cores: 8 }, '0*2 1*2 2*2 3*2'],
    ['pairs', { device: '0+1, 2+3', cores: 5 }, '0+1*3 2+3*2'],
    ['two a device, all devices first', { device: '0,1', perDevice: 2, cores: 4 }, '0*1 1*1 0*1 1*1'],
    ['what contradicts nothing', { device: '0,1', jobs: 2, cores: 4 }, '0*2 1*2'],
    ['written otherwise', { device: 'cuda:00', cores: 1 }, '0*1'],
    ['Apple', { device: 'mps', cores: 8 }, 'mps*8'],
    ['CUDA without a number', { device: 'cuda', cores: 2 }, '0*2'],
  ])('hands devices on to a program: %s', (_, request, slots) => {
    expect(slotsOf({ ...request, gpus: 'unknown' })).toBe(slots)
    expect(planSlots({ ...request, gpus: 'unknown' }).notes).toEqual([])
  })

  it.each<[SlotRequest, RegExp]>([
    [{ device: 'gpu', cores: 8, gpus: 0 }, /--device gpu: give cpu/],
    [{ device: '0,', cores: 8, gpus: 0 }, /--device 0,:/],
    [{ device: '0++1', cores: 8, gpus: 0 }, /two GPUs per training/],
    [{ device: '-1', cores: 8, gpus: 'unknown' }, /--device -1/],
    [{ device: '0,1,0', cores: 8, gpus: 'unknown' }, /GPU 0 twice.*--per-device 2/],
    [{ device: '0+1,1+2', cores: 8, gpus: 'unknown' }, /GPU 1 twice/],
    [{ device: '0,1', jobs: 3, cores: 8, gpus: 'unknown' }, /--jobs 3 and --device 0,1 contradict: 2 trainings/],
    [{ device: '0,4', cores: 8, gpus: 4 }, /no GPU 4; this machine has 4, 0 to 3/],
    [{ device: '1', cores: 8, gpus: 1 }, /has one, number 0/],
    [{ device: 'cpu', perDevice: 2, cores: 8, gpus: 0 }, /use --jobs 2/],
    [{ device: 'cpu', jobs: 0, cores: 8, gpus: 0 }, /--jobs 0/],
    [{ device: '0', perDevice: 1.5, cores: 8, gpus: 'unknown' }, /--per-device 1.5/],
    [{ device: '', jobs: Number.NaN, cores: 8, gpus: 0 }, /--jobs NaN/],
  ])('refuses %j', (request, message) => {
    expect(() => planSlots(request)).toThrow(UsageError)
    expect(() => planSlots(request)).toThrow(message)
  })
})
