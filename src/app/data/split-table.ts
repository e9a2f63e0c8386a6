// What `data init`, `split` and `convert` say of a new data set.
import { type TableColumn, tableLines } from '../console/table.ts'
import { counted } from '../console/text.ts'

export interface SplitTable {
  readonly names: readonly string[]
  readonly images: Readonly<Record<'train' | 'val' | 'test', number>>
  /** Images with each class, by split. */
  readonly perClass: Readonly<Record<'train' | 'val' | 'test', readonly number[]>>
}

interface Line {
  readonly title: string
  readonly train: number
  readonly val: number
  readonly test: number
}

/** Lines of the table: images in all and with each class, by split. */
export function splitLines({ names, images, perClass }: SplitTable, width?: number): string[] {
  const rows: Line[] = [
    { title: 'all', ...images },
    ...names.map((title, i) => ({ title, train: perClass.train[i]!, val: perClass.val[i]!, test: perClass.test[i]! })),
  ]
  const splits = (['train', 'val', 'test'] as const).filter((split) => images[split] > 0)
  const columns: TableColumn<Line>[] = [
    { title: 'images with', align: 'left', text: ({ title }) => title },
    ...splits.map((split) => ({ title: split, text: (line: Line) => String(line[split]) })),
  ]
  return tableLines(columns, rows, width)
}

/** How images were grouped; undefined where nobody asked for it. */
export function groupLine(
  { groups, ungrouped }: { readonly groups: number; readonly ungrouped: number },
  images: number,
): string | undefined {
  if (groups === images) return undefined
  const rest = ungrouped > 0 ? `; ${counted(ungrouped, 'image')} fit no group and stand alone` : ''
  return `${counted(groups, 'group')} of images kept together${rest}`
}

/** The next step. */
export const nextLine = (yaml: string) =>
  `Train on it with: hypevolve train --data ${/\s/.test(yaml) ? `'${yaml}'` : yaml}`
