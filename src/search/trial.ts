// What is known about one training of a study.
import type { Hyp } from './hyp.ts'

/**
 * What a training measured, by name: `precision`, `recall`, `mAP50`, `mAP50to95`, `f1`, `boxLoss`, `objLoss`, `clsLoss`,
 * a class's own as `mAP50/person`, or whatever another trainer logs.
 */
export type Metrics = Readonly<Record<string, number>>

/** Metrics of YOLOv5 and the first seven columns of evolve.csv, in their order. Metrics lie in [0, 1]. */
export const resultKeys = ['precision', 'recall', 'mAP50', 'mAP50to95', 'boxLoss', 'objLoss', 'clsLoss'] as const

/** The seven numbers that a YOLOv5 training ends with; the last three are validation losses. */
export type Results = Readonly<Record<(typeof resultKeys)[number], number>>

/** Why a training brought no result. */
export const failureClasses = [
  'out-of-memory',
  'diverged',
  'crash',
  'hang',
  'time-out',
  'bad-configuration',
  'stopped',
] as const

/**
 * `diverged`: NaN, in the loss or in a metric. `hang`: no progress for too long. `time-out`: the trial's time is spent.
 * `bad-configuration`: the trainer refused what it was asked to do. `stopped`: a person ended this trial for good.
 */
export type FailureClass = (typeof failureClasses)[number]

/** A trial as proposed: its number (from 0) and hyp, and the trials that its hyp was made from. */
export interface ProposedTrial<H extends Hyp = Hyp> {
  readonly number: number
  readonly hyp: H
  /** Numbers of the parent trials; empty for the start and for samplers that have no parents. */
  readonly parents: readonly number[]
  /** Keys that the proposal moved away from its parent (or from the start). */
  readonly mutated: readonly string[]
  /** How often it was given out, from 1; 0 if it only waits since it was added. */
  readonly attempt: number
  /** Epochs that it is granted, where the study has trainings of different length. */
  readonly fidelity?: number
  /** Number of the shorter training of the same hyp that this one follows, a rung further. It begins anew. */
  readonly continues?: number
  /** Number of the trial whose hyp is trained again at full length, to confirm what it brought. */
  readonly repeats?: number
  /** Of a repeat: the how-manieth of this hyp, from 1. Its training has the study's seed plus this. */
  readonly repetition?: number
}

/** In training now. */
export interface RunningTrial<H extends Hyp = Hyp> extends ProposedTrial<H> {
  readonly state: 'running'
}

/** Proposed, but nobody trains it: its training was interrupted or is to be tried again. It is given out next. */
export interface WaitingTrial<H extends Hyp = Hyp> extends ProposedTrial<H> {
  readonly state: 'waiting'
}

/** A trial with a fitness: its training came to its end. */
export interface CompleteTrial<H extends Hyp = Hyp> extends ProposedTrial<H> {
  readonly state: 'complete'
  /** Finite; larger is better, whatever the study's direction. */
  readonly fitness: number
  /** Where the study has a second objective: finite, larger is better. */
  readonly second?: number
  /** Where the study has constraints: by how much they are broken, 0 if they hold. Not finite: cannot be told. */
  readonly violation?: number
  /** Empty if the study was told a number alone. */
  readonly metrics: Metrics
}

/** Trained for less than full length: it was granted no more (a rung), or stopped because it did not promise enough. */
export interface PrunedTrial<H extends Hyp = Hyp> extends ProposedTrial<H> {
  readonly state: 'pruned'
  /** Epochs that it was trained. */
  readonly epochs: number
  /** Of its last reported epoch, if that had one. */
  readonly fitness?: number
  /** As of complete trials. */
  readonly second?: number
  readonly violation?: number
  readonly metrics: Metrics
}

/** A training that ended without results. */
export interface FailedTrial<H extends Hyp = Hyp> extends ProposedTrial<H> {
  readonly state: 'failed'
  readonly failure: FailureClass
  /** Last lines of what it said, at least one. */
  readonly output: readonly string[]
}

/** Trials that have ended never change. */
export type EndedTrial<H extends Hyp = Hyp> = CompleteTrial<H> | PrunedTrial<H> | FailedTrial<H>
export type OpenTrial<H extends Hyp = Hyp> = WaitingTrial<H> | RunningTrial<H>
export type Trial<H extends Hyp = Hyp> = EndedTrial<H> | OpenTrial<H>
export type TrialState = Trial['state']

export const trialStates = [
  'waiting',
  'running',
  'complete',
  'pruned',
  'failed',
] as const satisfies readonly TrialState[]
