// `hypevolve export --weights`: writes a detector as ONNX, or as a checkpoint for YOLOv5.
import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { FileWriteError, UsageError } from '../base/index.ts'
import type { DetectorFile } from '../detect/index.ts'
import type { ExportFlags, ExportFormat } from './cli/export.ts'
import { bytesText } from './console/text.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'

/** @returns the exit code */
export async function runExport(flags: ExportFlags & { readonly weights: string }): Promise<number> {
  const { weights, include = ['onnx'], output } = flags
  const formats = [...new Set(include)]
  if (output !== undefined && formats.length > 1)
    throw new UsageError(
      `--output names one file; ${formats.join(' and ')} are two. Leave it out, or export one by one.`,
    )
  goOffline(flags)
  await fetchAssets({ weights })
  const { loadDetectorFile } = await import('../detect/index.ts')
  const detector = loadDetectorFile(weights)
  for (const format of formats) {
    const path =
      output ?? `${weights.replace(/\.(safetensors|pth?)$/i, '')}.${format === 'darknet' ? 'weights' : format}`
    if (relative(path, weights) === '')
      throw new UsageError(`${path} would be written over itself. Name another file with --output.`)
    const bytes = await writers[format](detector, flags)
    await write(path, bytes)
    if (format === 'darknet')
      await write(cfgPath(path), (await import('../detect/index.ts')).exportCfg(detector.definition))
    console.log(
      `${path}: ${bytesText(bytes.length)}, ${detector.names.length} classes${about[format](detector, path, flags)}`,
    )
  }
  return 0
}

/** The cfg beside Darknet's weights: they are of no use without. */
const cfgPath = (path: string) => `${path.replace(/\.weights$/i, '')}.cfg`

async function write(path: string, content: Uint8Array | string): Promise<void> {
  await writeFile(path, content).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(path, cause)
  })
}

const writers: Record<ExportFormat, (detector: DetectorFile, flags: ExportFlags) => Promise<Uint8Array>> = {
  async onnx({ definition, weights, names, imagePx }, flags) {
    const { exportDetector } = await import('../detect/index.ts')
    return exportDetector(definition, weights, { names, imagePx: flags.imgsz ?? imagePx })
  },
  async pt({ definition, weights, names, imagePx }, flags) {
    const { exportPt } = await import('../detect/index.ts')
    const size = flags.imgsz ?? imagePx
    return exportPt({ definition, weights, names, imagePx: size }, { dtype: flags.float32 ? 'float32' : 'float16' })
  },
  async darknet({ definition, weights }) {
    const { exportDarknet } = await import('../detect/index.ts')
    return exportDarknet({ definition, weights })
  },
}

/** What to know about the file. */
const about: Record<ExportFormat, (detector: DetectorFile, path: string, flags: ExportFlags) => string> = {
  onnx: ({ definition, names }) =>
    `. Input "images" [batch, 3, height, width], RGB in [0, 1], sides multiples of ${Math.max(...definition.strides)}; ` +
    `output "output0" [batch, boxes, 5 + ${names.length}].`,
  pt: ({ imagePx }, path, { float32, imgsz }) =>
    `, ${float32 ? 'full' : 'half'} precision. YOLOv5 reads it: python val.py --weights ${path} --data … --img ${imgsz ?? imagePx}`,
  darknet: (_, path) => `; its model stands beside it in ${cfgPath(path)}.`,
}
