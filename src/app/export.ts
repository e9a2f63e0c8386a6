// `hypevolve export`: writes a detector as ONNX.
import { writeFile } from 'node:fs/promises'
import { FileWriteError } from '../base/index.ts'
import type { ExportFlags } from './cli/export.ts'
import { bytesText } from './console/text.ts'

/** @returns the exit code */
export async function runExport(flags: ExportFlags & { readonly weights: string }): Promise<number> {
  const { exportDetector, loadDetectorFile } = await import('../detect/index.ts')
  const { definition, weights, names, imagePx } = loadDetectorFile(flags.weights)
  const bytes = exportDetector(definition, weights, { names, imagePx: flags.imgsz ?? imagePx })
  const output = flags.output ?? `${flags.weights.replace(/\.safetensors$/i, '')}.onnx`
  await writeFile(output, bytes).catch((cause: NodeJS.ErrnoException) => {
    throw new FileWriteError(output, cause)
  })
  console.log(
    `${output}: ${bytesText(bytes.length)}, ${names.length} classes. Input "images" [batch, 3, height, width], RGB in [0, 1], ` +
      `sides multiples of ${Math.max(...definition.strides)}; output "output0" [batch, boxes, 5 + ${names.length}].`,
  )
  return 0
}
