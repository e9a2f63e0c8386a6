// YOLOv5's loss: matching on the CPU, the differentiated part as graph.
//
//   const matched = matchTargets(batch.targets, levels, hyp.anchor_t)
//   const geometry = { ..., capacity: matchCapacity(matchCount(matched)) }      chooses the session
//   const { loss, items } = detectionLoss(graph, heads, geometry)               when the session is built
//   run({ image, ...lossFeeds(matched, numbers, geometry) })
export { completeIou, type DetectionLoss, detectionLoss } from './detection-loss.ts'
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
