// Decides which hyps to try. Pure and synchronous: no files, no clock, no study.
export { type FitnessWeights, fitness, yolov5Fitness } from './fitness.ts'
export { formatHyp, type Hyp, parseHyp } from './hyp.ts'
export { defineSampler, finishedTrials, type Proposal, type Sampler, type SearchContext } from './sampler.ts'
export { type SamplerName, samplers } from './samplers/index.ts'
export { type Range, type Ranges, SearchSpace, type SpaceOptions, yolov5Ranges, yolov5Space } from './space.ts'
export { tablePrecision } from './table-precision.ts'
export {
  type FailedTrial,
  type FinishedTrial,
  type ProposedTrial,
  type Results,
  type RunningTrial,
  resultKeys,
  type Trial,
  type WaitingTrial,
} from './trial.ts'
