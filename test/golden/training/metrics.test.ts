// Validation against yolov5 v7.0's own numbers: overlaps, suppression, matching, precision, recall, average precision,
// and the whole chain from network output to mAP.
import { expect, it } from 'vitest'
import type { Dataset } from '../../../src/detect/data/types.ts'
import { classWeights, imageWeights } from '../../../src/detect/train/image-weights.ts'
import {
  averagePrecision,
  bboxIouXywh,
  bboxIouXyxy,
  ConfusionMatrix,
  classMetrics,
  detectionLossReference,
  type IouKind,
  intersectionOverSecond,
  iouThresholds,
  Marks,
  matchDetections,
  nonMaxSuppression,
  pairwiseIou,
  smooth,
  summarize,
  validate,
  validationLoss,
  xywhToXyxy,
  xyxyToXywh,
} from '../../../src/detect/val/index.ts'
import { golden, readReferenceJson, referenceFiles } from '../reference.ts'
import { float32, numbers, readTensors } from '../tensors.ts'

const folder = 'training/metrics'
const has = (name: string) => referenceFiles(folder, /./).includes(name)
const json = <T>(name: string, empty: T): T => (has(name) ? readReferenceJson<T>(`${folder}/${name}`) : empty)

/** Largest difference of two lists; lengths must agree. */
function difference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length)
  let worst = 0
  for (let i = 0; i < actual.length; i++) worst = Math.max(worst, Math.abs(actual[i]! - expected[i]!))
  return worst
}

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON
type Recorded = any

const meansOf = (metrics: ReturnType<typeof classMetrics>) => {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  return {
    mp: mean(metrics.precision),
    mr: mean(metrics.recall),
    map50: mean(metrics.ap.map((row) => row[0]!)),
    map: mean(metrics.ap.map(mean)),
  }
}

golden<Recorded>(
  folder,
  'precision, recall, average precision',
  () => json('ap_per_class.json', []),
  (cases) => {
    it.each(cases.map((c) => [c.name, c]))('%s', (_, { input, expected }: Recorded) => {
      const marked = {
        correct: Uint8Array.from(input.tp.flat()),
        confidence: input.conf,
        predicted: input.pred_cls,
        actual: input.target_cls,
      }
      const metrics = classMetrics(marked)
      expect(metrics.classes).toEqual(expected.ap_class)
      expect(difference(metrics.ap.flat(), expected.ap_if_stable_sort.flat())).toBeLessThan(1e-6)

      // The rest was recorded with the order the original happened to use: give the rows in that order.
      const order: number[] = expected.numpy_sort_order
      const sorted = classMetrics({
        correct: Uint8Array.from(order.flatMap((row) => input.tp[row])),
        confidence: order.map((row) => input.conf[row]),
        predicted: order.map((row) => input.pred_cls[row]),
        actual: input.target_cls,
      })
      expect(difference(sorted.ap.flat(), expected.ap.flat())).toBeLessThan(1e-6)
      expect(difference(sorted.precision, expected.p)).toBeLessThan(1e-6)
      expect(difference(sorted.recall, expected.r)).toBeLessThan(1e-6)
      expect(difference(sorted.f1, expected.f1)).toBeLessThan(1e-6)
      expect(sorted.truePositives).toEqual(expected.tp)
      expect(sorted.falsePositives).toEqual(expected.fp)
      const means = meansOf(sorted)
      for (const key of ['mp', 'mr', 'map50', 'map'] as const)
        expect(Math.abs(means[key] - expected[key])).toBeLessThan(1e-6)
    })
  },
)

golden<Recorded>(
  folder,
  'matching and confusion matrix',
  () => json<Recorded>('process_batch.json', { cases: [] }).cases,
  (cases) => {
    it('has the same overlap thresholds', () =>
      expect(Array.from(iouThresholds)).toEqual(readReferenceJson(`${folder}/process_batch.json`).iouv))

    it.each(cases.map((c) => [c.name, c]))('%s', (_, c: Recorded) => {
      const detections = Float32Array.from(c.detections_xyxy_conf_cls.flat())
      const labels = Float32Array.from(c.labels_cls_xyxy.flat())
      expect(Array.from(matchDetections(detections, labels))).toEqual(c.correct.flat())
      const confusion = new ConfusionMatrix(c.nc)
      confusion.add(detections, labels)
      expect(confusion.rows()).toEqual(c.confusion_matrix_rows_pred_cols_true_last_is_background)
      const boxes = Float32Array.from(c.labels_cls_xyxy.flatMap((row: number[]) => row.slice(1)))
      expect(difference(pairwiseIou(boxes, detections, 4, 6), c.iou.flat())).toBe(0)
    })
  },
)

golden<Recorded>(
  folder,
  'suppression',
  () => json<Recorded>('nms.json', { cases: [] }).cases,
  (cases) => {
    const tensors = readTensors(`${folder}/nms.safetensors`)
    it.each(cases.map((c) => [c.name, c]))('%s', (name, c: Recorded) => {
      const prediction = tensors.get(`${name}.prediction`)!
      const [batch, rows, columns] = prediction.shape as [number, number, number]
      const images = nonMaxSuppression(
        { data: prediction.data as Float32Array, batch, rows, columns },
        {
          confidence: c.args.conf_thres,
          iou: c.args.iou_thres,
          multiLabel: c.args.multi_label,
          agnostic: c.args.agnostic ?? false,
          ...(c.args.max_det !== undefined && { maxDetections: c.args.max_det }),
          ...(c.args.max_nms !== undefined && { maxCandidates: c.args.max_nms }),
          ...(c.args.classes !== undefined && { classes: c.args.classes }),
        },
      )
      expect(images.length).toBe(batch)
      for (const [i, boxes] of images.entries()) {
        const prefix = c.stable_sort_gives_same ? 'out' : 'stable_out'
        expect(Array.from(boxes)).toEqual(Array.from(float32(tensors, `${name}.${prefix}${i}`)))
      }
    })
  },
)

golden<string>(
  folder,
  'overlaps',
  () => (has('iou.safetensors') ? [...readTensors(`${folder}/iou.safetensors`).keys()] : []),
  () => {
    const tensors = readTensors(`${folder}/iou.safetensors`)
    const rowsOf = (name: string) => {
      const data = float32(tensors, name)
      return Array.from({ length: data.length / 4 }, (_, i) => data.subarray(4 * i, 4 * i + 4))
    }
    it.each(['iou', 'giou', 'diou', 'ciou'] as IouKind[])('%s', (kind) => {
      const secondXywh = rowsOf('box2_xywh')
      const xywh = rowsOf('box1_xywh').map((box, i) => bboxIouXywh(box, secondXywh[i]!, kind))
      expect(difference(xywh, numbers(tensors, `${kind}_xywh_f64`))).toBeLessThan(1e-9)
      const secondXyxy = rowsOf('box2_xyxy')
      const xyxy = rowsOf('box1_xyxy').map((box, i) => bboxIouXyxy(box, secondXyxy[i]!, kind))
      expect(difference(xyxy, float32(tensors, `${kind}_xyxy`))).toBeLessThan(2e-5)
    })
    it('pairwise', () => {
      const expected = tensors.get('pairwise_iou')!
      const [rows, columns] = expected.shape as [number, number]
      const first = float32(tensors, 'box1_xyxy').subarray(0, rows * 4)
      const second = float32(tensors, 'box2_xyxy').subarray(0, columns * 4)
      expect(difference(pairwiseIou(first, second), float32(tensors, 'pairwise_iou'))).toBe(0)
    })
    it('intersection over the second area', () => {
      const first = rowsOf('box1_xyxy')[0]!
      const shares = rowsOf('box2_xyxy').map((box) => intersectionOverSecond(first, box))
      expect(difference(shares, numbers(tensors, 'ioa_first_over_box2'))).toBeLessThan(1e-6)
    })
  },
)

golden<Recorded>(
  folder,
  'filters and coordinates',
  () => (has('helpers.json') ? Object.values(json<Recorded>('helpers.json', {})).flat() : []),
  () => {
    const helpers = readReferenceJson(`${folder}/helpers.json`)
    it.each<[number, Recorded]>(helpers.smooth.map((c: Recorded, i: number) => [i, c]))(
      'smooth %i',
      (_, c: Recorded) => {
        const values: number[] = c.y ?? Array.from({ length: c.n }, (_, i) => Math.sin(i * 0.02) * 0.5 + 0.5)
        const smoothed = smooth(values, c.f)
        expect(difference(smoothed.subarray(0, c.out_first20.length), c.out_first20)).toBeLessThan(1e-12)
        expect(smoothed.indexOf(Math.max(...smoothed))).toBe(c.argmax)
      },
    )
    it.each<[number, Recorded]>(helpers.compute_ap.map((c: Recorded, i: number) => [i, c]))(
      'average precision %i',
      (_, c: Recorded) => {
        expect(averagePrecision(c.recall, c.precision).value).toBeCloseTo(c.ap, 12)
      },
    )
    it('weights of classes and images', () => {
      const { nc, labels_cls, class_weights, image_weights } = helpers.labels_to_class_weights
      const labels: number[][] = labels_cls
      const counts = Array.from({ length: nc }, (_, c) => labels.flat().filter((label) => label === c).length)
      expect(
        difference(
          classWeights(counts),
          class_weights.map((weight: number) => nc * weight),
        ),
      ).toBeLessThan(1e-6)
      const starts = [0]
      for (const { length } of labels) starts.push(starts.at(-1)! + length)
      const dataset = {
        names: new Array(nc).fill(''),
        paths: labels.map(String),
        labels: Float32Array.from(labels.flat().flatMap((label) => [label, 0.5, 0.5, 0.1, 0.1])),
        labelStart: Int32Array.from(starts),
      } as unknown as Dataset
      expect(difference(imageWeights(dataset, []), image_weights)).toBeLessThan(1e-7)
      // What is found perfectly is not drawn for its own sake any more.
      const found = imageWeights(
        dataset,
        counts.map((_, c) => (c === 2 ? 1 : 0)),
      )
      expect(Array.from(found).map((weight) => weight > 0)).toEqual([true, false, true, false])
    })
    it('coordinates', () => {
      const { xywh, xywh2xyxy, xyxy2xywh } = helpers.coords
      const flat = (rows: number[][]) => Float32Array.from(rows.flat())
      expect(Array.from(xywhToXyxy(flat(xywh)))).toEqual(xywh2xyxy.flat())
      expect(Array.from(xyxyToXywh(flat(xywh)))).toEqual(xyxy2xywh.flat())
    })
  },
)

golden<string>(
  folder,
  'the whole chain',
  () => (has('val_path.json') ? ['val_path'] : []),
  () => {
    const expected = readReferenceJson(`${folder}/val_path.json`)
    const tensors = readTensors(`${folder}/val_path.safetensors`)
    const prediction = tensors.get('prediction')!
    const [batch, rows, columns] = prediction.shape as [number, number, number]
    const valBatch = {
      images: new Uint8Array(0),
      batch,
      height: expected.imgsz,
      width: expected.imgsz,
      targets: float32(tensors, 'targets_normalised'),
      originals: expected.shapes_hw0_ratio_pad.map(([[height, width], [ratio, pad]]: Recorded) => ({
        path: '',
        height,
        width,
        ratio,
        pad,
      })),
    }
    const decoded = prediction.data as Float32Array

    it('suppresses, scales and marks each image', () => {
      const images = nonMaxSuppression(
        { data: decoded, batch, rows, columns },
        { confidence: 0.001, iou: 0.6, multiLabel: true },
      )
      expect(images.map((boxes) => boxes.length / 6)).toEqual(expected.detections_per_image)
      const marks = new Marks(columns - 5)
      const native = marks.addBatch(valBatch, images)
      for (const [i, boxes] of images.entries()) {
        if (!tensors.has(`nms${i}`)) continue
        expect(Array.from(boxes)).toEqual(Array.from(float32(tensors, `nms${i}`)))
        expect(difference(native[i]!, float32(tensors, `native_pred${i}`))).toBeLessThan(1e-4)
        expect(Array.from(marks.images[i]!.correct)).toEqual(numbers(tensors, `correct${i}`))
      }
      expect(marks.confusion.rows()).toEqual(expected.confusion_matrix)
      expect(
        summarize(marks, ['a', 'b', 'c'])
          .perClass.slice(1)
          .map((row) => row.instances),
      ).toEqual(expected.nt)
    })

    it('gives the same metrics', async () => {
      const metrics = await validate({
        run: () => ({ decoded, heads: [] }),
        loader: (async function* () {
          yield valBatch
        })(),
        names: Array.from({ length: columns - 5 }, (_, i) => `class ${i}`),
      })
      expect(metrics.images).toBe(batch)
      expect(metrics.precision).toBeCloseTo(expected.mp, 6)
      expect(metrics.recall).toBeCloseTo(expected.mr, 6)
      expect(metrics.mAP50).toBeCloseTo(expected.map50, 6)
      expect(metrics.mAP50to95).toBeCloseTo(expected.map, 6)
      const classes = metrics.perClass.slice(1)
      expect(
        difference(
          classes.map((row) => row.precision),
          expected.p,
        ),
      ).toBeLessThan(1e-6)
      expect(
        difference(
          classes.map((row) => row.recall),
          expected.r,
        ),
      ).toBeLessThan(1e-6)
      expect(
        difference(
          classes.map((row) => row.f1),
          expected.f1,
        ),
      ).toBeLessThan(1e-6)
      expect(
        difference(
          classes.map((row) => row.mAP50),
          expected.ap50_per_class,
        ),
      ).toBeLessThan(1e-6)
      expect(
        difference(
          classes.map((row) => row.mAP50to95),
          expected.ap_per_class,
        ),
      ).toBeLessThan(1e-6)
    })
  },
)

golden<Recorded>(
  'training/loss',
  'validation losses',
  () => (referenceFiles('training/loss', /^cases\.json$/).length ? readReferenceJson('training/loss/cases.json') : []),
  (cases) => {
    it.each(cases.map((c) => [c.name, c]))('%s', (_, c: Recorded) => {
      const tensors = readTensors(`training/loss/${c.file}`)
      const heads = []
      const matched = []
      for (let level = 0; level < c.nl; level++) {
        const head = tensors.get(`p${level}`)!
        heads.push({ data: head.data as Float32Array, shape: head.shape })
        const column = (name: string) =>
          tensors.has(`bt${level}_${name}`) ? numbers(tensors, `bt${level}_${name}`) : []
        const image = column('image')
        matched.push({
          count: image.length,
          image,
          anchor: column('anchor'),
          gridY: column('gj'),
          gridX: column('gi'),
          classes: column('tcls'),
          boxes: column('tbox'),
          anchorSizes: column('anchor_wh'),
        })
      }
      const { hyp } = c
      const options = {
        box: hyp.box,
        obj: hyp.obj,
        cls: hyp.cls,
        objPw: hyp.obj_pw,
        clsPw: hyp.cls_pw,
        flGamma: hyp.fl_gamma,
        labelSmoothing: hyp.label_smoothing,
        balance: c.balance_used,
      }
      const loss = detectionLossReference(heads, matched, options)
      const relative = (actual: number, expected: number) =>
        expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-5 * Math.abs(expected))
      const items = numbers(tensors, 'loss_items_box_obj_cls')
      relative(loss.box, items[0]!)
      relative(loss.obj, items[1]!)
      relative(loss.cls, items[2]!)
      relative(loss.total, c.total)
      expect(Math.abs(loss.total - c.float64.total)).toBeLessThanOrEqual(2e-7 * c.float64.total)

      // The same from the targets.
      const flat = float32(tensors, 'anchors_grid')
      const size = flat.length / c.nl
      const anchors = heads.map((_, level) => flat.subarray(level * size, (level + 1) * size))
      const terms = validationLoss(anchors, hyp.anchor_t, options)(heads, { targets: float32(tensors, 'targets') })
      for (const [i, term] of terms.entries()) relative(term, items[i]!)
    })
  },
)
