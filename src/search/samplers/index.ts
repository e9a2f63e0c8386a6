// The registry of samplers: its keys are the choices of the command line, its schemas check their options.
import { random } from './random.ts'
import { yolov5 } from './yolov5.ts'

export const samplers = { yolov5, random }

export type SamplerName = keyof typeof samplers
