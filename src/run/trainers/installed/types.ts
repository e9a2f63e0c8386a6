// A trainer that people have on their machine: a clone of YOLOv5 or YOLOv3, or a package. It is called as it is.
import type { FailureClass, Hyp, ReleaseName, SearchSpace } from '../../../search/index.ts'
import type { TrainerTraits } from '../../length.ts'
import type { Exit } from '../../process/group.ts'
import type { MetricReader } from '../../process/metric-reader.ts'
import type { EpochReport, SlotResources, TrainJob } from '../../trainer.ts'

/** What the user said about where the trainer is. */
export interface InstallationRequest {
  /** `--repo`: folder of a clone. */
  readonly repo?: string | undefined
  /** `--python`: interpreter; default that of the clone's or the active virtual environment, then python3, then python. */
  readonly python?: string | undefined
  /** `--module`: a module to run instead of a script, as `yolov5.train`. */
  readonly module?: string | undefined
}

/** A trainer that was found, and what its release can do. */
export interface Installation {
  readonly trainer: InstalledTrainerName
  /** Interpreter, absolute. */
  readonly python: string
  /** Words that begin a training, as `['/venv/bin/python', '/home/me/yolov5/train.py']`. */
  readonly start: readonly string[]
  /** Folder of a clone, absolute; `undefined` for a package. */
  readonly repo?: string | undefined
  /** For people: `yolov5 v6.2`, `ultralytics 8.3.40`. */
  readonly release: string
  /** How that is known, as `git tag`, `package version`, `the flags of train.py`. */
  readonly releaseFrom: string
  /** Release whose ranges and file formats go with it. */
  readonly like: ReleaseName
  /** Keys of a hyp file that this release reads. */
  readonly hypKeys: readonly string[]
  /** One sentence each, for the console. */
  readonly notes: readonly string[]
}

/** One kind of training, without its hyperparameters; the same for all trials of a study. */
export interface InstalledTraining {
  /**
   * Flags that the user gave, by their v7.0 names without dashes (`data`, `weights`, `cfg`, `epochs`, `batch-size`,
   * `imgsz`, `cache`, `rect`, `noautoanchor`, `optimizer`, `cos-lr`, `model`, …): a text or number for a value, `true` for
   * a switch, a list for several. What is not there is left to the trainer's own default. `epochs` is always there.
   */
  readonly flags: Readonly<Record<string, string | number | boolean | readonly (string | number)[]>>
  /** Words after `--`: for the trainer, untouched, last. */
  readonly passThrough: readonly string[]
}

/** A program with all that its start needs. */
export interface ProcessPlan {
  readonly words: readonly string[]
  /** Added to this process's environment. */
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

/** A hyperparameter that cannot have an effect in this training. */
export interface DeadGene {
  readonly key: string
  /** In a clause: `optimizer=auto chooses lr0 and momentum itself`. */
  readonly why: string
  /** The flag that would bring it to life (`--fix-dead-genes` sets it), as `{ optimizer: 'SGD' }`. */
  readonly remedy?: Readonly<Record<string, string | number | boolean>> | undefined
}

export type InstalledTrainerName = 'yolov5' | 'yolov3' | 'ultralytics'

/** What is to be known about one family of trainers. Registry entries; one contract suite runs over all of them. */
export interface InstalledTrainer {
  readonly name: InstalledTrainerName
  /**
   * Finds the trainer and recognises its release, without importing PyTorch.
   * @throws {@link TrainerNotFoundError} that says where it was looked for and what to give
   */
  locate(request: InstallationRequest): Promise<Installation>
  /** Hyperparameters that the trainer would take by itself: its default file, or the keys and defaults of its settings. */
  defaultHyp(installation: Installation, training: InstalledTraining): Promise<{ hyp: Hyp; source: string }>
  /** Its own search space, where it is not that of {@link Installation.like}. */
  space?(installation: Installation, hyp: Hyp): SearchSpace
  /**
   * Fails early on flags that this release does not have, or that contradict.
   * @throws UsageError
   */
  check(installation: Installation, training: InstalledTraining): void
  /** What it can do for a search whose trainings differ in length. */
  traits(installation: Installation, training: InstalledTraining): TrainerTraits
  /** Keys of the search that this training cannot feel. */
  deadGenes(installation: Installation, training: InstalledTraining, keys: readonly string[]): readonly DeadGene[]
  /**
   * How one trial is trained: a normal training (never the trainer's own evolution) with the seed of the job, into
   * `<job.directory>/out`. `epochs` of the flags is the number of this trial; what counts epochs besides is scaled to the
   * length of the job. Writes the hyp file in the release's form into `job.directory`. If an earlier attempt left a checkpoint there,
   * goes on with it. Two GPUs (`0+1`) start the trainer's own DDP launch.
   */
  plan(
    installation: Installation,
    training: InstalledTraining,
    job: TrainJob & { readonly directory: string },
    slot: SlotResources,
  ): Promise<ProcessPlan>
  /** Follows the trainer's results file; names of metrics are ours (`precision`, `recall`, `mAP50`, `mAP50to95`, losses). */
  read(installation: Installation, out: string, onEpoch: (report: EpochReport) => void, after: number): MetricReader
  /** What its own messages say about a failure; `undefined` leaves it to the common classification. */
  classify?(
    exit: Exit,
    output: readonly string[],
  ): { readonly failure: FailureClass; readonly reason: string } | undefined
}
