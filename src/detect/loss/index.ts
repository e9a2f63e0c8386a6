// YOLOv5's loss: matching on the CPU, the differentiated part as graph.
export { type LevelGeometry, type MatchedRows, matchTargets } from './match-targets.ts'
export {
  type HeadGeometry,
  matchCapacity,
  matchCount,
  type PackedMatches,
  type PackOptions,
  packMatches,
} from './pack-matches.ts'
