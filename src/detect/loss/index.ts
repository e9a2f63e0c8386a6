// The losses of YOLOv5 and YOLOv3: matching on the CPU, the differentiated part as graph.
//
//   const matched = matchTargets(batch.targets, levels, hyp.anchor_t)
//   const geometry = { ..., capacity: matchCapacity(matchCount(matched)) }      chooses the session
//   const { loss, items } = detectionLoss(graph, heads, geometry)               when the session is built
//   run({ image, ...lossFeeds(matched, numbers, geometry) })
export { completeIou } from './complete-iou.ts'
export { type DetectionLoss, detectionLoss } from './detection-loss.ts'
export { type LossForm, yolov5Loss } from './forms.ts'
export { generalisedIou } from './giou.ts'
export { type LevelGeometry, type MatchedRows, matchTargets } from './match-targets.ts'
export {
  adaptBalance,
  type LossFeeds,
  type LossGeometry,
  type LossNumbers,
  levelBalance,
  lossFeeds,
  lossInputs,
  matchCapacity,
  matchCount,
} from './pack-matches.ts'
export { matchByOverlap, sizeOverlap, yolov3Loss } from './yolov3.ts'
