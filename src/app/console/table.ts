// Tables for people: columns as wide as what they hold, numbers to the right, texts to the left.
import { displayWidth } from './text.ts'

export interface TableColumn<Row> {
  readonly title: string
  readonly align?: 'left' | 'right'
  text(row: Row): string
}

/**
 * The lines of a table: a heading and one line per row, cut to `width`. Without rows there is the heading alone.
 *
 * @param width - columns of the terminal
 */
export function tableLines<Row>(columns: readonly TableColumn<Row>[], rows: readonly Row[], width = 200): string[] {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ text }) => text(row)))]
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => displayWidth(line[i]!))))
  return cells.map((line) => {
    const text = line
      .map((cell, i) => {
        const gap = ' '.repeat(widths[i]! - displayWidth(cell))
        return columns[i]!.align === 'left' ? cell + gap : gap + cell
      })
      .join('  ')
      .trimEnd()
    return text.length > width ? `${text.slice(0, width - 1)}…` : text
  })
}
