// The trainers that people have on their machine. Registry: its keys are what `--trainer` takes beside our own.
import type { InstalledTrainer, InstalledTrainerName } from './types.ts'
import { ultralytics } from './ultralytics.ts'
import { yolov3 } from './yolov3.ts'
import { yolov5 } from './yolov5.ts'

export { type InstalledOptions, installedTrainer } from './trainer.ts'
export type {
  DeadGene,
  Installation,
  InstallationRequest,
  InstalledTrainer,
  InstalledTrainerName,
  InstalledTraining,
  ProcessPlan,
} from './types.ts'

export const installedTrainers: Readonly<Record<InstalledTrainerName, InstalledTrainer>> = {
  yolov5,
  yolov3,
  ultralytics,
}
