// YOLOv5 as it is on this machine: a clone of any release, or the package. YOLOv3 works alike, see yolov3.ts. The releases'
// differences are in yolo-releases.ts; how a trial is started in yolov5-plan.ts.
import { UsageError } from '../../../base/index.ts'
import { warmupKey } from '../../length.ts'
import { followResults } from './results.ts'
import type { Installation, InstalledTrainer, InstalledTraining } from './types.ts'
import type { YoloFamily } from './yolo-releases.ts'
import { classifyYolo } from './yolov5-failures.ts'
import { flagWords } from './yolov5-flags.ts'
import { deadYoloGenes } from './yolov5-genes.ts'
import { defaultHypOf } from './yolov5-hyp.ts'
import { flagsOf, locateYolo, releaseOf, type YoloInstallation } from './yolov5-locate.ts'
import { planYolo } from './yolov5-plan.ts'

/** Releases before YOLOv5 v3.1 and YOLOv3 v9.0 warm up for so long, whatever their hyp says. */
const builtInWarmupEpochs = 3

/** The adapter of a family: both have the same repository layout. */
export const yoloTrainer = (family: YoloFamily): InstalledTrainer => ({
  name: family,
  locate: (request) => locateYolo(family, request),
  async defaultHyp(installation, training) {
    const { script } = installation as YoloInstallation
    return defaultHypOf(script, releaseOf(installation), flagsOf(installation), training.flags)
  },
  check(installation: Installation, training: InstalledTraining) {
    const { release: title, repo } = installation
    const flags = flagsOf(installation)
    flagWords(training, { title, release: releaseOf(installation), flags, repo })
    const { weights, cfg } = training.flags
    if (
      weights === '' &&
      !cfg &&
      !training.passThrough.includes('--cfg') &&
      /^(''|"")$/.test(flags.get('cfg')?.fallback ?? 'there')
    )
      throw new UsageError("--weights '' trains a new model, so say which: --cfg yolov5s.yaml, for example.")
  },
  traits(installation, training) {
    const { script, hypKeys } = installation as YoloInstallation
    const flags = flagsOf(installation)
    const { hyp: defaults } = defaultHypOf(script, releaseOf(installation), flags, training.flags)
    return {
      // Its own number of epochs after -- would win.
      anyLength: flags.has('epochs') && !training.passThrough.some((word) => /^--epochs(=|$)/.test(word)),
      seeded: flags.has('seed'),
      warmupEpochs(hyp) {
        const { [warmupKey]: warmup = defaults[warmupKey] } = hyp
        return hypKeys.includes(warmupKey) && typeof warmup === 'number' ? warmup : builtInWarmupEpochs
      },
    }
  },
  deadGenes: deadYoloGenes,
  plan: planYolo,
  read: (installation, out, onEpoch, after) => followResults(out, releaseOf(installation), onEpoch, after),
  classify: classifyYolo,
})

/** ultralytics/yolov5 from v1.0 to master, its forks, and the package `yolov5`. */
export const yolov5 = yoloTrainer('yolov5')
