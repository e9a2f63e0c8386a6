// Ask for a trial, do with it what you like, tell what it brought: for programs that have a loop of their own, and for
// several metrics at once. The sampler is the genetic algorithm of YOLOv5.
import { createStudy, yolov5Space } from 'hypevolve'

// YOLOv5's own ranges for these keys; the hyp says where the search starts.
const start = {
  ...{ lr0: 0.01, lrf: 0.01, momentum: 0.937, weight_decay: 0.0005, warmup_epochs: 3, warmup_momentum: 0.8 },
  ...{ warmup_bias_lr: 0.1, box: 0.05, cls: 0.5, cls_pw: 1, obj: 1, obj_pw: 1, iou_t: 0.2, anchor_t: 4, fl_gamma: 0 },
  ...{ hsv_h: 0.015, hsv_s: 0.7, hsv_v: 0.4, degrees: 0, translate: 0.1, scale: 0.5, shear: 0, perspective: 0 },
  ...{ flipud: 0, fliplr: 0.5, mosaic: 1, mixup: 0, copy_paste: 0 },
}

const study = await createStudy({
  space: yolov5Space(start),
  sampler: 'yolov5',
  samplerOptions: { parent: 'weighted' },
  fitness: '0.1*mAP50 + 0.9*mAP50to95', // of the metrics that are told; NaN makes a failed trial
})

for (let i = 0; i < 30; i++) {
  const trial = await study.ask()
  if (!trial) break // a target was set, or a stop requested

  // Stands for a training by another program.
  const quality = 1 / (1 + Math.log(Number(trial.hyp.lr0) / 0.02) ** 2)
  const metrics = { mAP50: 0.8 * quality, mAP50to95: 0.5 * quality, seconds: 3600 }

  if (trial.number === 7) await study.fail(trial, { failure: 'out-of-memory', output: ['Killed'] })
  else await study.tell(trial, metrics)
}

const { complete, failed } = await study.counts()
const best = await study.incumbent()
console.log(`${complete} trials, ${failed} failed; best: trial ${best?.number} from ${best?.parents.join(', ')}`)
console.log(`it moved ${best?.mutated.join(', ')}`)
await study.close()
