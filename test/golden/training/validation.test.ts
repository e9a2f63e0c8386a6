// Validation of a real network on real files against yolov5 v7.0's own figures: reading, letterboxing, network, losses,
// suppression, metrics. The weights are those that v7.0's run ended with, the figures those of its last epoch.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { NumpyRandom } from '../../../src/base/index.ts'
import { createDataPool, createValLoader, openDataset, readDatasetYaml } from '../../../src/detect/data/index.ts'
import { Evaluator } from '../../../src/detect/evaluator.ts'
import { gridAnchors, parseModel } from '../../../src/detect/model/index.ts'
import { formatResultsHeader, formatResultsRow } from '../../../src/detect/results.ts'
import { validate, validationLoss } from '../../../src/detect/val/index.ts'
import { readSafetensors } from '../../../src/nn/index.ts'
import { golden, readReferenceJson, referenceFiles, referencePath } from '../reference.ts'

// biome-ignore lint/suspicious/noExplicitAny: recorded JSON
type Recorded = any

const folder = 'training/e2e_short'

golden<Recorded>(
  folder,
  'validation of the final weights',
  () =>
    referenceFiles(folder, /^(run\.json|final_ema\.safetensors)$/).length === 2
      ? readReferenceJson(`${folder}/run.json`).epochs.slice(-1)
      : [],
  ([last]) => {
    it('gives the losses and metrics of the last epoch', async () => {
      const run = readReferenceJson(`${folder}/run.json`)
      const temporary = mkdtempSync(join(tmpdir(), 'validation-'))
      const names = Array.from({ length: run.nc }, (_, i) => `class ${i}`)
      const yaml = join(temporary, 'data.yaml')
      const root = JSON.stringify(referencePath(folder))
      writeFileSync(yaml, `path: ${root}\ntrain: images/val\nval: images/val\nnames: ${JSON.stringify(names)}\n`)
      const pool = createDataPool(0)
      try {
        const definition = parseModel(run.model_yaml, 'run.json', { classes: run.nc })
        const { weights } = readSafetensors(readFileSync(referencePath(`${folder}/final_ema.safetensors`)))
        const evaluator = await Evaluator.create(definition, weights, { threads: 1 })
        const dataset = await openDataset({
          definition: readDatasetYaml(yaml),
          split: 'val',
          pool,
          cacheFolder: temporary,
        })
        const { imgsz, batch_size: batchSize } = run.options
        const loader = await createValLoader({ dataset, pool, imagePx: imgsz, batchSize: 2 * batchSize })
        const { hyp, nc } = run
        const validated = (perturb: (value: number) => number) =>
          validate({
            run: async (batch) => {
              const { decoded, heads } = await evaluator.run(batch)
              return { decoded: decoded.map(perturb), heads }
            },
            loader: loader.all(),
            names,
            computeLoss: validationLoss(gridAnchors(definition), hyp.anchor_t, {
              box: hyp.box, // scaled for 3 levels: nothing changes
              obj: hyp.obj * (imgsz / 640) ** 2,
              cls: (hyp.cls * nc) / 80,
              objPw: hyp.obj_pw,
              clsPw: hyp.cls_pw,
              flGamma: hyp.fl_gamma,
              labelSmoothing: hyp.label_smoothing ?? 0,
            }),
          })
        const metrics = await validated((value) => value)

        const [, , , precision, recall, mAP50, mAP50to95, box, obj, cls] =
          last.values_tbox_tobj_tcls_P_R_mAP50_mAP_vbox_vobj_vcls_lr0_lr1_lr2
        const relative = (actual: number, expected: number) =>
          expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-5 * Math.abs(expected))
        relative(metrics.valBoxLoss, box)
        relative(metrics.valObjLoss, obj)
        relative(metrics.valClsLoss, cls)

        // After four epochs all boxes have nearly the same confidence, and which ones come first is decided by the last
        // bit of the network's sums. So the recorded metrics must lie where noise of one bit takes ours.
        const around = [metrics]
        for (let seed = 1; seed <= 16; seed++) {
          const noise = new NumpyRandom(seed)
          around.push(await validated((value) => value * (1 + noise.uniform(-2e-7, 2e-7))))
        }
        const between = (key: 'precision' | 'recall' | 'mAP50' | 'mAP50to95', expected: number) => {
          const values = around.map((one) => one[key])
          expect(expected).toBeGreaterThanOrEqual(0.95 * Math.min(...values))
          expect(expected).toBeLessThanOrEqual(1.05 * Math.max(...values))
        }
        between('precision', precision)
        between('recall', recall)
        between('mAP50', mAP50)
        between('mAP50to95', mAP50to95)
        await evaluator.dispose()
        await loader.close()
      } finally {
        await pool.close()
        rmSync(temporary, { recursive: true, force: true })
      }
    })
  },
)

golden<Recorded>(
  folder,
  'results.csv',
  () =>
    referenceFiles(folder, /^(run\.json|results\.csv)$/).length === 2
      ? readReferenceJson(`${folder}/run.json`).epochs
      : [],
  (epochs) => {
    it('has the same bytes', () => {
      const lines = epochs.map(({ epoch, values_tbox_tobj_tcls_P_R_mAP50_mAP_vbox_vobj_vcls_lr0_lr1_lr2: v }) =>
        formatResultsRow({
          epoch,
          trainLosses: [v[0], v[1], v[2]],
          results: {
            precision: v[3],
            recall: v[4],
            mAP50: v[5],
            mAP50to95: v[6],
            valBoxLoss: v[7],
            valObjLoss: v[8],
            valClsLoss: v[9],
          },
          lr: [v[10], v[11], v[12]],
        }),
      )
      const text = `${[formatResultsHeader(), ...lines].join('\n')}\n`
      expect(text).toBe(readFileSync(referencePath(`${folder}/results.csv`), 'utf8'))
    })
  },
)
