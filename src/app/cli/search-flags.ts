// Flags that say how to search, shared by `train --evolve`, `suggest` and `import`: sampler, release, space and fitness.
// What they mean is decided in app/search.ts; here are names and forms only, so that `--help` loads no search.
import { type Command, Option } from 'commander'
import { integer, list, oneOf, real, words } from './values.ts'

/** Values of the flags after parsing. */
export interface SearchFlags {
  readonly sampler?: string
  /** As `v5.0` or `yolov3-v8`: replays that release. */
  readonly release?: string
  readonly parent?: 'single' | 'weighted'
  readonly method?: 1 | 2 | 3
  readonly mutationProbability?: number
  readonly sigma?: number
  /** Options of the sampler by name, as they were typed. */
  readonly samplerOption?: readonly string[]
  readonly space?: string
  readonly fix?: readonly string[]
  readonly only?: readonly string[]
  readonly set?: readonly string[]
  readonly fitness?: string
}

/** Commander's names of these flags. */
export const searchFlagNames = [
  'sampler',
  'release',
  'parent',
  'method',
  'mutationProbability',
  'sigma',
  'samplerOption',
  'space',
  'fix',
  'only',
  'set',
  'fitness',
] as const satisfies readonly (keyof SearchFlags)[]

/** @param usualSampler - which one it is if none is named, for the help */
export function addSearchFlags(
  command: Command,
  usualSampler = 'yolov5, or that of --release',
  group = 'How to search:',
): void {
  const add = (...options: Option[]) => {
    for (const option of options) command.addOption(option.helpGroup(group))
  }
  add(
    new Option(
      '--sampler <name>',
      'what proposes hyperparameters: auto, tpe, gp, cmaes, priorband, random, or an original: yolov5, yolov5-ga, yolov3',
    ).default(undefined, usualSampler),
    new Option(
      '--release <release>',
      'evolve exactly as that release did, into its files: v3.0 … v7.0, yolov3-v8, …; without it: v7.0 with its faults mended',
    ),
    new Option('--parent <how>', "'single': one parent drawn by fitness; 'weighted': their weighted mean").argParser(
      oneOf('single', 'weighted'),
    ),
    new Option(
      '--method <n>',
      'mutation of the older YOLOv3: 1 one factor for all, 2 one each, 3 some of them',
    ).argParser((text) => integer(1, 3)(text) as 1 | 2 | 3),
    new Option('--mutation-probability <p>', 'how likely each hyperparameter moves').argParser(real(0, 1)),
    new Option('--sigma <s>', 'how far they move').argParser(real(1e-9, 100)),
    new Option('--sampler-option <name=value>', 'option of the sampler: --sampler-option gamma=0.15')
      .argParser(list)
      .default(undefined),
    new Option('--space <yaml>', 'search space file in place of the release’s ranges'),
    new Option('--fix <keys>', 'hyperparameters that stay as they are: lr0,momentum').argParser(words),
    new Option('--only <keys>', 'evolve these alone').argParser(words),
    new Option('--set <key=low..high>', 'other bounds for a hyperparameter: --set degrees=0..10').argParser(words),
    new Option('--fitness <expression>', 'what is larger for the better: "0.2*recall + 0.8*mAP50to95"').default(
      undefined,
      '0.1*mAP50 + 0.9*mAP50to95, or that of --release',
    ),
  )
}
