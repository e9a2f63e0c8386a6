// The registry of samplers: its keys are the choices of the command line, its schemas check their options.
import { auto } from './auto.ts'
import { cmaes } from './cmaes.ts'
import { gp } from './gp.ts'
import { priorband } from './priorband.ts'
import { random } from './random.ts'
import { tpe } from './tpe.ts'
import { yolov3 } from './yolov3.ts'
import { yolov5 } from './yolov5.ts'
import { yolov5Ga } from './yolov5-ga.ts'

export const samplers = { yolov5, 'yolov5-ga': yolov5Ga, yolov3, random, tpe, cmaes, gp, priorband, auto }

export type SamplerName = keyof typeof samplers
