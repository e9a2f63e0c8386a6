// Decides which hyps to try. Pure and synchronous: no files, no clock, no study.
export { type FitnessWeights, fitness, yolov5Fitness } from './fitness.ts'
export { History } from './history.ts'
export { formatHyp, type Hyp, type HypValue, parseHyp } from './hyp.ts'
export { defineSampler, type Proposal, type Sampler, type SearchContext } from './sampler.ts'
export { type SamplerName, samplers } from './samplers/index.ts'
export { type Range, type Ranges, SearchSpace, type SpaceOptions, yolov5Ranges, yolov5Space } from './space.ts'
export { tablePrecision } from './table-precision.ts'
export {
  type CompleteTrial,
  type EndedTrial,
  type FailedTrial,
  type FailureClass,
  failureClasses,
  type Metrics,
  type OpenTrial,
  type ProposedTrial,
  type PrunedTrial,
  type Results,
  type RunningTrial,
  resultKeys,
  type Trial,
  type TrialState,
  trialStates,
  type WaitingTrial,
} from './trial.ts'
