// Every reader of a file that comes from outside.
import type { FuzzTarget } from '../target.ts'
import { archives } from './archives.ts'
import { checkpoint } from './checkpoints.ts'
import { images } from './images.ts'
import { tables } from './tables.ts'
import * as texts from './texts.ts'
import { weights } from './weights.ts'

export const targets: readonly FuzzTarget[] = [
  ...[
    texts.hypYaml,
    texts.hypUpdate,
    texts.spaceYaml,
    texts.modelYaml,
    texts.cfg,
    texts.dataYaml,
    texts.darknetData,
    texts.darknetNames,
  ],
  ...[texts.imageList, texts.labels, texts.fitness],
  ...images,
  ...weights,
  checkpoint,
  ...archives,
  ...tables,
]
