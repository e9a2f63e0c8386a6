// `hypevolve export --weights`: writes a detector in another form.
import { statSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { FileWriteError, UsageError } from '../base/index.ts'
import type { DetectorFile } from '../detect/index.ts'
import type { ExportFlags, ExportFormat } from './cli/export.ts'
import { bytesText } from './console/text.ts'
import { fetchAssets, goOffline } from './fetch-assets.ts'

/** A detector to write, and how. */
interface Export {
  readonly detector: Omit<DetectorFile, 'path'>
  readonly path: string
  readonly flags: ExportFlags
}

/** @returns the exit code */
export async function runExport(flags: ExportFlags & { readonly weights: string }): Promise<number> {
  const { weights, include = ['onnx'], output, half, cfg } = flags
  const formats = [...new Set(include)]
  if (output !== undefined && formats.length > 1)
    throw new UsageError(
      `--output names one file; ${formats.join(' and ')} are two. Leave it out, or export one by one.`,
    )
  if (half && flags.float32) throw new UsageError('--half and --float32 exclude each other.')
  if (half && formats.includes('darknet'))
    throw new UsageError('Darknet has no files in half precision: leave out --half.')
  goOffline(flags)
  await fetchAssets({ weights })
  const { readDatasetYaml, readDetector } = await import('../detect/index.ts')
  const names = flags.data === undefined ? undefined : readDatasetYaml(flags.data).names
  const detector = readDetector({ weights, ...(cfg !== undefined && { cfg }), ...(names && { names }) })
  for (const format of formats) {
    const path = output ?? `${weights.replace(/\.(safetensors|pth?|weights)$/i, '')}.${extensions[format]}`
    if (relative(path, weights) === '')
      throw new UsageError(`${path} would be written over itself. Name another file with --output.`)
    const bytes = await writers[format]({ detector, path, flags })
    console.log(
      `${path}: ${bytesText(bytes)}, ${detector.names.length} classes${about[format]({ detector, path, flags })}`,
    )
  }
  return 0
}

const extensions: Record<ExportFormat, string> = {
  onnx: 'onnx',
  pt: 'pt',
  safetensors: 'safetensors',
  darknet: 'weights',
}

/** The cfg beside Darknet's weights: they are of no use without. */
const cfgPath = (path: string) => `${path.replace(/\.weights$/i, '')}.cfg`

/** @returns the number of bytes */
async function write(path: string, content: Uint8Array | string): Promise<number> {
  await writeFile(path, content).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(path, cause)
  })
  return content.length
}

const sizeOf = ({ detector, flags }: Export) => flags.imgsz ?? detector.imagePx

/** Write the file, and tell its size. */
const writers: Record<ExportFormat, (what: Export) => Promise<number>> = {
  async onnx(what) {
    const { exportDetector } = await import('../detect/index.ts')
    const { definition, weights, names } = what.detector
    const floats = what.flags.half ? 'float16' : 'float32'
    return write(what.path, exportDetector(definition, weights, { names, imagePx: sizeOf(what), floats }))
  },
  async pt(what) {
    const { exportPt } = await import('../detect/index.ts')
    const dtype = what.flags.float32 ? 'float32' : 'float16'
    return write(what.path, exportPt({ ...what.detector, imagePx: sizeOf(what) }, { dtype }))
  },
  async safetensors(what) {
    const { saveDetector } = await import('../detect/index.ts')
    const { weights, ...info } = what.detector
    saveDetector(what.path, { ...info, imagePx: sizeOf(what) }, weights, { dtype: what.flags.half ? 'F16' : 'F32' })
    return statSync(what.path).size
  },
  async darknet({ detector, path }) {
    const { exportCfg, exportDarknet } = await import('../detect/index.ts')
    const bytes = await write(path, exportDarknet(detector))
    await write(cfgPath(path), exportCfg(detector.definition))
    return bytes
  },
}

/** What to know about the file. */
const about: Record<ExportFormat, (what: Export) => string> = {
  onnx: ({ detector: { definition, names }, flags }) =>
    `${flags.half ? ', half precision' : ''}. Input "images" [batch, 3, height, width], RGB in [0, 1], sides multiples of ${Math.max(...definition.strides)}; ` +
    `output "output0" [batch, boxes, 5 + ${names.length}].`,
  pt: (what) =>
    `, ${what.flags.float32 ? 'full' : 'half'} precision. YOLOv5 reads it: python val.py --weights ${what.path} --data … --img ${sizeOf(what)}`,
  safetensors: ({ flags }) => `, ${flags.half ? 'half' : 'full'} precision.`,
  darknet: ({ path }) => `; its model stands beside it in ${cfgPath(path)}.`,
}
