// The batch size of `--batch-size -1`.
import { availableMemory } from '../../base/index.ts'
import type { ModelDefinition } from '../model/definition.ts'
import { estimateTrainingBytes } from './memory.ts'

/** What YOLOv5's AutoBatch takes on a processor. A larger batch trains no faster there. */
const usual = 16
/** Share of the available memory that a training may take. */
const share = 0.6

/** 16, or the largest power of two that fits into 60 % of the available memory. */
export function autoBatch(
  definition: ModelDefinition,
  imagePx: number,
  { available } = availableMemory(),
): { readonly batchSize: number; readonly bytes: number } {
  for (let batchSize = usual; ; batchSize /= 2) {
    const bytes = estimateTrainingBytes(definition, { imagePx, batchSize })
    if (bytes <= share * available || batchSize === 1) return { batchSize, bytes }
  }
}
