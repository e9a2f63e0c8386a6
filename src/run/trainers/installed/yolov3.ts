// YOLOv3 as it is on this machine. Since v9.0 it is YOLOv5's code with other models; the archive before it works in its
// current folder and takes hyp.txt.
import { yoloTrainer } from './yolov5.ts'

/** ultralytics/yolov3 from January 2020 (archive branch, v7, v8) to master. */
export const yolov3 = yoloTrainer('yolov3')
