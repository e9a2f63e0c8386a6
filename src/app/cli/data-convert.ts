// `hypevolve data convert`: annotations of other programs become a data set in YOLO format.
import { type Command, Option } from 'commander'
import { defineCommand } from './command.ts'
import { addSplitFlags, asksForSplit, type DataSplitFlags } from './data-split-flags.ts'
import { oneOf, words } from './values.ts'

/** What `--from` takes; a test compares it with the formats that the library reads. */
export const convertedFormats = ['voc', 'coco', 'labelme', 'cvat', 'darknet', 'labelstudio'] as const

/** Values of the flags after parsing. */
export interface DataConvertFlags extends DataSplitFlags {
  readonly from: (typeof convertedFormats)[number]
  readonly to: string
  readonly images: 'link' | 'copy' | 'refer'
  readonly imageFolder?: readonly string[]
  readonly names?: readonly string[]
  readonly boxes: boolean
  readonly force: boolean
  readonly json: boolean
}

export const dataConvert = defineCommand({
  name: 'convert',
  summary: 'annotations of VOC, COCO, LabelMe, CVAT, Darknet, Label Studio',
  configure(command) {
    command
      .description(
        'Converts annotations into a data set in YOLO format: images, labels, lists of the splits and data.yaml. Splits ' +
          'that the source has are kept, unless one of the flags of splits is given. Outlines (polygons) are kept for ' +
          'copy_paste. What had to be left out is counted and told.',
      )
      .argument('<source>', 'folder or file of the annotations')
      .addOption(
        new Option('--from <format>', 'voc, coco, labelme, cvat, darknet or labelstudio')
          .argParser(oneOf(...convertedFormats))
          .makeOptionMandatory(),
      )
      .addOption(new Option('--to <folder>', 'folder of the new data set').makeOptionMandatory())
      .addOption(
        new Option(
          '--images <how>',
          'link: symbolic links; copy: copies; refer: images stay where they are, and label files are written where ' +
            'loaders look for them',
        )
          .argParser(oneOf('link', 'copy', 'refer'))
          .default('link'),
      )
      .option('--image-folder <folders...>', 'where the images are, if not with the annotations')
      .addOption(
        new Option('--names <names>', 'classes and their order, as cat,dog; objects of others are left out').argParser(
          words,
        ),
      )
      .option('--boxes', 'boxes only, even where there are outlines', false)
    addSplitFlags(command)
      .option('--force', 'write into a folder that has a data set already', false)
      .option('--json', 'print the result as JSON', false)
      .addHelpText(
        'after',
        `
Examples:
  hypevolve data convert --from voc VOCdevkit/VOC2007 --to voc07
  hypevolve data convert --from coco annotations/instances.json --to my --image-folder photos --images copy
  hypevolve data convert --from cvat export/annotations.xml --to my --val 0.2 --group-by video`,
      )
      .action(async (source: string, flags: DataConvertFlags, self: Command) => {
        const { runDataConvert } = await import('../data/convert.ts')
        process.exitCode = await runDataConvert(source, flags, asksForSplit(self))
      })
  },
})
