export type { Hyp } from './hyp.ts'
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
