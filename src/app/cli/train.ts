// `hypevolve train`: one training, or with --evolve the evolution of its hyperparameters.
import type { Command } from 'commander'
import { UsageError } from '../../base/index.ts'
import { defineCommand } from './command.ts'
import {
  addTrainFlags,
  evolveOnlyFlags,
  flagsOf,
  spreadImageSizes,
  trainAliases,
  trainRenamed,
  trainUnsupported,
} from './train-flags.ts'

export const train = defineCommand({
  name: 'train',
  summary: 'train a detector, or evolve its hyperparameters with --evolve',
  aliases: trainAliases,
  renamed: trainRenamed,
  unsupported: trainUnsupported,
  takesProgram: true,
  rewrite: spreadImageSizes,
  configure(command) {
    command.description(
      'Trains a detector of YOLOv5, or of YOLOv3 with a Darknet cfg. With --evolve, trains it again and again with mutated hyperparameters and keeps the best.',
    )
    addTrainFlags(command)
    command.addHelpText(
      'after',
      `
Names of files are looked up in the current folder first, then by base name among the packaged ones
(models yolov5n, s, m, l, x, yolov3-tiny.cfg, yolov3.cfg, yolov3-spp.cfg; hyperparameters scratch-low, scratch-med, v5.0/scratch, …).

Examples:
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --weights '' --imgsz 160 --epochs 40
  hypevolve train --data my/data.yaml --weights runs/train/exp/weights/best.safetensors --epochs 20 --cache
  hypevolve train --resume
  hypevolve train --data digits --cfg yolov5n.yaml --imgsz 128 --epochs 3 --cache --evolve 20
  nohup hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve > evolve.log &
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve 50 --jobs 2 --keep best:3
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve --only lr0,lrf,momentum --set lr0=0.001..0.05
  hypevolve train --trainer yolov5 --repo ~/yolov5 --data coco128.yaml --weights yolov5s.pt --epochs 10 --evolve 50 --device 0,1
  hypevolve train --trainer ultralytics --model yolo11n.pt --data coco8.yaml --epochs 10 --evolve 50
  hypevolve train --evolve 100 --trainer command -- python my_train.py --hyp {hyp} --epochs {epochs} --out {out}
The same command again goes on with an evolution that is not done, or helps one that runs; hypevolve resume needs no
flags at all. hypevolve status tells how it is doing.`,
    )
    command.action(async () => {
      const flags = flagsOf(command)
      if (!flags.evolve) refuseEvolveFlags(command)
      const { runTrain } = await import('../train.ts')
      process.exitCode = await runTrain(flags, process.argv.slice(3))
    })
  },
})

/** @throws {@link UsageError} for a flag that would silently mean nothing */
function refuseEvolveFlags(command: Command): void {
  const given = command.options.find(
    (option) =>
      (evolveOnlyFlags as readonly string[]).includes(option.attributeName()) &&
      command.getOptionValueSource(option.attributeName()) === 'cli',
  )
  if (given)
    throw new UsageError(`${given.long === '--program' ? 'A program after --' : given.long} goes with --evolve.`)
}
