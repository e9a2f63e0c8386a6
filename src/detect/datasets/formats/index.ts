// The formats that `hypevolve data convert` reads, by the name that --from takes.
import type { AnnotationFormat } from '../source.ts'
import { coco } from './coco.ts'
import { cvat } from './cvat.ts'
import { darknet } from './darknet.ts'
import { labelme } from './labelme.ts'
import { labelstudio } from './labelstudio.ts'
import { voc } from './voc.ts'

export const annotationFormats = { voc, coco, labelme, cvat, darknet, labelstudio } as const satisfies Readonly<
  Record<string, AnnotationFormat>
>

export type AnnotationFormatName = keyof typeof annotationFormats
