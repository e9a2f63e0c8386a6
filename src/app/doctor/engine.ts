// Checks of what computes: ONNX Runtime and its execution providers, the blocked layout, the other native parts, and
// whether the planned training fits into memory.
import { createRequire } from 'node:module'
import { availableMemory } from '../../base/index.ts'
import type { Device } from '../../detect/index.ts'
import { bytesText } from '../console/text.ts'
import { hasCuda } from '../device.ts'
import { estimateBytes } from '../estimate.ts'
import { type Check, note, ok, problem } from './finding.ts'

const require = createRequire(import.meta.url)

/** Loads ONNX Runtime and lists its execution providers. */
export const onnxRuntime: Check = async () => {
  try {
    const runtime = await import('onnxruntime-node')
    const backends = runtime
      .listSupportedBackends()
      .map(({ name, bundled }) => (bundled ? name : `${name} (not shipped)`))
    return [
      ok(
        'ONNX Runtime',
        `${runtime.env.versions.node ?? 'unknown version'}, execution providers: ${backends.join(', ')}`,
      ),
    ]
  } catch (error) {
    return [
      problem(
        'ONNX Runtime',
        `does not load: ${reason(error)}. Install again with npm ci; on Alpine Linux use an image with glibc.`,
      ),
    ]
  }
}

/** Whether the fast memory layout exists on this processor. */
export const layout: Check = async () => {
  try {
    const { probeBlockSize } = await import('../../detect/index.ts')
    const block = await probeBlockSize()
    if (block) return [ok('Layout', `blocked, ${block} channels per block`)]
    return [
      note('Layout', 'plain: the blocked layout is not there on this processor; training works, about a third slower'),
    ]
  } catch (error) {
    return [problem('Layout', `could not be probed: ${reason(error)}`)]
  }
}

/** Loads the native parts that decode and draw. */
export const nativeParts: Check = async () => {
  const parts = [
    ['sharp', 'reading images'],
    ['@napi-rs/canvas', 'drawing pictures'],
  ] as const
  const findings = []
  for (const [name, use] of parts) {
    try {
      await import(name)
      findings.push(ok('Native part', `${name} ${require(`${name}/package.json`).version} (${use})`))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_PACKAGE_PATH_NOT_EXPORTED')
        findings.push(ok('Native part', `${name} (${use})`))
      else
        findings.push(
          problem('Native part', `${name} (${use}) does not load: ${reason(error)}. Install again with npm ci.`),
        )
    }
  }
  return findings
}

/** What the planned training will need against what is there. */
export const memory: Check = async (plan) => {
  const { available, total, limited } = availableMemory()
  const have = `${bytesText(available)} available of ${bytesText(total)}${limited ? ' (limit of this container)' : ''}`
  try {
    const { loadModel, summarise } = await import('../../detect/index.ts')
    const model = loadModel(plan.cfg)
    const need = estimateBytes({
      ...summarise(model),
      width: model.yaml.width_multiple,
      imagePx: plan.imagePx,
      batchSize: plan.batchSize,
    })
    const what = `${plan.cfg} at ${plan.imagePx} px, batch ${plan.batchSize}, takes about ${bytesText(need)}`
    if (need > available)
      return [problem('Memory', `${have}; ${what}. Choose a smaller --batch-size, --imgsz or --cfg.`)]
    if (need > available * 0.7) return [note('Memory', `${have}; ${what}, which is close`)]
    return [ok('Memory', `${have}; ${what}`)]
  } catch (error) {
    return [problem('Memory', `${have}; ${reason(error)}`)]
  }
}

/** Which GPUs could be used, by trying. */
export const gpu: Check = async () => {
  const { requireDevice } = await import('../../detect/index.ts')
  const devices: Device[] = (await hasCuda()) ? ['webgpu', 'cuda:0'] : ['webgpu']
  const tried = await Promise.all(
    devices.map((device) =>
      requireDevice(device).then(
        () => device,
        () => undefined,
      ),
    ),
  )
  const usable = tried.filter((device) => device !== undefined)
  if (usable.length === 0)
    return [note('GPU', 'none that can be used; trainings run on the processor (docs/devices.md)')]
  return [ok('GPU', usable.map((device) => `--device ${device}`).join(', '))]
}

const reason = (error: unknown) => (error instanceof Error ? error.message.split('\n')[0]! : String(error))
