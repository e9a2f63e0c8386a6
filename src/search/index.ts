// Decides which hyps to try. Pure and synchronous: no files, no clock, no study.
export {
  type Confirmation,
  type ConfirmationOptions,
  type ConfirmedCandidate,
  confirmationOf,
  confirmationTrainings,
} from './confirm.ts'
export { type Constraint, parseConstraint, totalViolation } from './constraint.ts'
export { costOf } from './cost.ts'
export {
  choice,
  defineSpace,
  fixed,
  float,
  type HypOf,
  integer,
  type ParameterOf,
} from './define-space.ts'
export { type Edge, edgesOf } from './edges.ts'
export {
  type Fitness,
  type FitnessPresetName,
  type FitnessWeights,
  fitness,
  fitnessPresets,
  parseFitness,
  yolov5Fitness,
} from './fitness.ts'
export { History } from './history.ts'
export { formatHyp, type Hyp, type HypValue, parseHyp } from './hyp.ts'
export { hypDigest } from './hyp-digest.ts'
export {
  type ChosenTrials,
  comparableTrials,
  type EffectPoint,
  type Importance,
  type ImportanceMethod,
  type ImportanceOptions,
  importance,
  importanceMethods,
  type KeyImportance,
  leastTrials,
  type PairImportance,
  type ScoredHyp,
} from './importance.ts'
export { type NarrowedSpace, type NarrowRequest, narrowedSpace } from './narrow.ts'
export { spaceText } from './narrow-text.ts'
export { type NextRequest, nextTraining } from './next.ts'
export { asOneNumber, isFeasible, paretoFront } from './objectives.ts'
export { type Observation, observationsByRung } from './observations.ts'
export { type Condition, type Parameter, parameterSchema } from './parameter.ts'
export { definePruner, type Grant, type GrantContext, type Pruner, type VerdictContext } from './pruner.ts'
export { type PrunerName, pruners } from './pruners/index.ts'
export { type Range, type Ranges, type RangeTableName, rangeTables, yolov5Ranges } from './ranges.ts'
export { findRelease, type Release, type ReleaseName, releases } from './releases.ts'
export {
  type RungCorrelation,
  rungCorrelations,
  rungCorrelationsOfCurves,
  usableRungs,
  usableRungsOfCurves,
} from './rung-quality.ts'
export { defineSampler, type Fidelity, type Proposal, type Sampler, type SearchContext } from './sampler.ts'
export { type SamplerName, samplers } from './samplers/index.ts'
export { eta, lowestRung, rungsOf, type Schedule, scheduleSchema } from './schedule.ts'
export { type FrozenKey, SearchSpace, type SpaceJson, type SpaceOptions } from './space.ts'
export { parseSpace } from './space-file.ts'
export { remainingOf, type StopReason, type StopRequest, stopReason } from './stop.ts'
export { type SuggestOptions, suggest } from './suggest.ts'
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
export {
  type EarlierTrial,
  type MappedHyp,
  mappedHyp,
  type WarmStart,
  type WarmStartRequest,
  warmStart,
} from './warm-start.ts'
export {
  type RangeSpaceOptions,
  type ReleaseSpaceOptions,
  rangeSpace,
  releaseSpace,
  yolov5Space,
} from './yolo-space.ts'
