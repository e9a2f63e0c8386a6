// `hypevolve train`: one training, or with --evolve the evolution of its hyperparameters.
import { defineCommand } from './command.ts'
import { addTrainFlags, type TrainFlags, trainAliases, trainUnsupported } from './train-flags.ts'

export const train = defineCommand({
  name: 'train',
  summary: 'train a detector, or evolve its hyperparameters with --evolve',
  aliases: trainAliases,
  unsupported: trainUnsupported,
  configure(command) {
    command.description(
      'Trains a YOLOv5 detector. With --evolve, trains it again and again with mutated hyperparameters and keeps the best.',
    )
    addTrainFlags(command)
    command.addHelpText(
      'after',
      `
Names of files are looked up in the current folder first, then by base name among the packaged ones
(models yolov5n, s, m, l, x; hyperparameters scratch-low, scratch-med, v5.0/scratch, …).

Examples:
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --weights '' --imgsz 160 --epochs 40
  hypevolve train --data my/data.yaml --weights runs/train/exp/weights/best.safetensors --epochs 20 --cache
  hypevolve train --resume
  hypevolve train --data digits --cfg yolov5n.yaml --imgsz 128 --epochs 3 --cache --evolve 20
  nohup hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve > evolve.log &
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve 50 --resume`,
    )
    command.action(async (flags: TrainFlags) => {
      const { runTrain } = await import('../train.ts')
      process.exitCode = await runTrain(flags)
    })
  },
})
