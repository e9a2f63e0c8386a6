// The flags by which images are divided, shared by `data init`, `split` and `convert`.
import { type Command, InvalidArgumentError, Option } from 'commander'
import { integer, real } from './values.ts'

/** Values of the flags after parsing. */
export interface DataSplitFlags {
  readonly val: number
  readonly test: number
  readonly seed: number
  readonly stratified: boolean
  readonly groupBy?: 'folder' | 'video' | RegExp
}

const flags = ['val', 'test', 'seed', 'stratified', 'groupBy'] as const

/** Adds the flags to a command. */
export function addSplitFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--val <share>', 'share of the images to validate with').argParser(real(0.001, 0.99)).default(0.2),
    )
    .addOption(new Option('--test <share>', 'share that is kept for the last test').argParser(real(0, 0.99)).default(0))
    .addOption(new Option('--seed <n>', 'another seed gives another split').argParser(integer(0)).default(0))
    .addOption(
      new Option('--stratified', 'every split gets its share of each class, rare ones too').default(true, 'on'),
    )
    .addOption(new Option('--no-stratified', 'by chance alone'))
    .addOption(
      new Option(
        '--group-by <rule>',
        "images that stay together: 'video' (clip_001.jpg, clip_002.jpg, …), 'folder', or a regular expression whose " +
          'first group names the group',
      ).argParser(groupRule),
    )
}

/** Whether one of the flags was given. */
export const asksForSplit = (command: Command): boolean =>
  flags.some((name) => command.getOptionValueSource(name) === 'cli')

/** What the library takes. */
export const splitOptions = ({ val, test, seed, stratified, groupBy }: DataSplitFlags) => ({
  ...{ val, test, seed, stratified },
  ...(groupBy && { groupBy }),
})

function groupRule(text: string): 'folder' | 'video' | RegExp {
  if (text === 'folder' || text === 'video') return text
  try {
    return new RegExp(text, 'u')
  } catch (error) {
    throw new InvalidArgumentError(`It is no regular expression: ${(error as Error).message}`)
  }
}
