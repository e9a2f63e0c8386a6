// How many trainings at once, and what each may use: the meaning of --device, --jobs and --per-device.
import { UsageError } from '../base/index.ts'
import type { SlotResources } from './trainer.ts'

export interface SlotRequest {
  /** YOLOv5's values: '', `cpu`, `mps`, `0`, `0,1,2,3`; `0+1,2+3` for two devices per trial; `webgpu`; `cuda` is 0. */
  readonly device: string
  /** Trainings at once, where devices do not say it. */
  readonly jobs?: number | undefined
  /** Trainings at once on each device. */
  readonly perDevice?: number | undefined
  /** Cores to share out, at least 1. */
  readonly cores: number
  /**
   * GPUs that the trainer can use by number: 0 for one that cannot (every number then means a slot on the processor);
   * `unknown` for an outside program, which is handed the device as it is.
   */
  readonly gpus: number | 'unknown'
}

export interface SlotPlan {
  readonly slots: readonly SlotResources[]
  /** What the user should know, in sentences: where he gets something else than he asked for. */
  readonly notes: readonly string[]
}

/**
 * Slots for a request. Cores are shared out evenly, what is left over goes to the first slots; every slot has at least
 * one thread.
 *
 * @throws {@link UsageError} for what names no device, a device twice, numbers below 1, or flags that contradict
 */
export function planSlots({ device, jobs, perDevice, cores, gpus }: SlotRequest): SlotPlan {
  for (const [flag, value] of [
    ['--jobs', jobs],
    ['--per-device', perDevice],
  ] as const)
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1))
      throw new UsageError(`${flag} ${value}: give a whole number of at least 1.`)

  const groups = parseDevices(device)
  if (!Array.isArray(groups)) {
    if (perDevice !== undefined && perDevice > 1)
      throw new UsageError(
        `--per-device ${perDevice} needs devices to count on, as --device 0,1. On the processor use --jobs ${perDevice}.`,
      )
    return onProcessor(groups, jobs ?? 1, cores, gpus)
  }

  const asked = groups.length * (perDevice ?? 1)
  if (gpus === 0 && groups[0] !== 'webgpu') {
    const many = groups.length > 1 || groups[0]!.includes('+')
    const notes = [
      `--device ${device}: ${many ? `GPUs ${device} cannot` : `GPU ${device} cannot`} be used by number, as the runtime has no CUDA (docs/devices.md). ` +
        'Training on the CPU instead, which is slower; --device webgpu uses a GPU without CUDA.',
    ]
    if (jobs === undefined && asked > cores)
      notes.push(
        `${asked} trainings at once were asked for; this machine has ${counted(cores, 'core')}, so it is ${cores} at once.`,
      )
    const plan = onProcessor('cpu', jobs ?? Math.min(asked, cores), cores, gpus)
    return { slots: plan.slots, notes: [...notes, ...plan.notes] }
  }
  if (jobs !== undefined && jobs !== asked)
    throw new UsageError(
      `--jobs ${jobs} and --device ${device} contradict: ${asked} trainings run at once on these devices. ` +
        'Leave out --jobs; --per-device puts several on each device.',
    )
  if (gpus !== 'unknown' && groups[0] !== 'webgpu')
    for (const number of groups.flatMap((group) => group.split('+')))
      if (Number(number) >= gpus)
        throw new UsageError(
          `--device ${device}: there is no GPU ${number}; this machine has ${gpus === 1 ? 'one, number 0' : `${gpus}, 0 to ${gpus - 1}`}.`,
        )
  // The second training of a device begins only when every device has one.
  const devices = Array.from({ length: perDevice ?? 1 }, () => groups).flat()
  return { slots: shareOut(devices, cores), notes: [] }
}

function onProcessor(device: '' | 'cpu' | 'mps', jobs: number, cores: number, gpus: number | 'unknown'): SlotPlan {
  const notes: string[] = []
  if (device === 'mps' && gpus === 0)
    notes.push(
      '--device mps: the Apple GPU cannot be used by this version. Training on the CPU instead, which is slower.',
    )
  if (jobs > cores)
    notes.push(`${jobs} trainings at once share ${counted(cores, 'core')}: they take turns and each takes longer.`)
  const name = gpus === 0 ? 'cpu' : device
  return { slots: shareOut(Array<string>(jobs).fill(name), cores), notes }
}

function shareOut(devices: readonly string[], cores: number): SlotResources[] {
  const each = Math.floor(cores / devices.length)
  const left = cores % devices.length
  return devices.map((device, slot) => ({ slot, device, threads: Math.max(1, each + (slot < left ? 1 : 0)) }))
}

/** Groups of GPU numbers, or the word that was given instead. */
function parseDevices(device: string): '' | 'cpu' | 'mps' | string[] {
  const text = device
    .trim()
    .toLowerCase()
    .replaceAll('cuda:', '')
    .replace(/^cuda$/, '0')
  if (text === '' || text === 'cpu' || text === 'mps') return text
  if (text === 'webgpu') return [text]
  const groups = text.split(',').map((group) => group.trim())
  if (!groups.every((group) => /^\d{1,4}(\+\d{1,4})*$/.test(group)))
    throw new UsageError(
      `--device ${device}: give cpu, webgpu, cuda, a GPU number as 0, several as 0,1 (one training each), or 0+1,2+3 (two GPUs per training).`,
    )
  const canonical = groups.map((group) => group.split('+').map(Number).join('+'))
  const numbers = canonical.flatMap((group) => group.split('+'))
  const twice = numbers.find((number, i) => numbers.indexOf(number) !== i)
  if (twice !== undefined)
    throw new UsageError(
      `--device ${device} names GPU ${twice} twice. For several trainings on one GPU: --device ${twice} --per-device 2.`,
    )
  return canonical
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`
