// Label files against YOLOv5 v7.0's label checker.
import { expect, it } from 'vitest'
import { parseLabels } from '../../../src/detect/data/labels.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'

interface LabelCase {
  name: string
  text: string | null
  accepted: boolean
  labels: number[][] | null
  segments: number[][][] | null
  missing: number
  empty: number
  corrupt: number
  message: string | null
}

const folder = 'training/labels'
golden<LabelCase>(
  folder,
  'label files of v7.0',
  () => referenceFiles(folder, /\.json$/).flatMap((file) => readReferenceJson<LabelCase[]>(`${folder}/${file}`)),
  (cases) => {
    it.each(cases)('$name', ({ text, accepted, labels, segments, missing, empty, message }) => {
      expect(missing).toBe(text === null ? 1 : 0)
      const parsed = parseLabels(text ?? '')
      expect(parsed.ok).toBe(accepted)
      if (!parsed.ok) return
      expect(Array.from(parsed.rows)).toEqual(labels!.flat())
      expect(parsed.polygons.map((polygon) => Array.from(polygon))).toEqual(segments!.map((segment) => segment.flat()))
      if (text !== null) expect(parsed.rows.length === 0).toBe(empty === 1)
      const removed = /(\d+) duplicate labels removed/.exec(message ?? '')
      expect(parsed.duplicates).toBe(removed ? Number(removed[1]) : 0)
    })
  },
)
