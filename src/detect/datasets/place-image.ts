// Brings an image to where the data set wants it, without ever touching the original.
import { constants } from 'node:fs'
import { copyFile, mkdir, rm, symlink } from 'node:fs/promises'
import { dirname, extname, join, sep } from 'node:path'
import { FileWriteError } from '../../base/index.ts'
import { labelPath } from '../data/index.ts'
import { seenFrom, stemOf } from './files.ts'

/** `link`: a symbolic link, or a copy where the system allows none. */
export type ImagePlacing = 'link' | 'copy'

/** @throws FileWriteError */
export async function placeImage(from: string, to: string, placing: ImagePlacing): Promise<void> {
  try {
    await mkdir(dirname(to), { recursive: true })
    await rm(to, { force: true }) // a link there must not lead a copy back to the original
    if (placing === 'link' && (await link(from, to))) return
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  } catch (cause) {
    throw new FileWriteError(to, cause as Error)
  }
}

/** Whether the system allowed it: Windows does only with certain rights, some disks never. */
async function link(from: string, to: string): Promise<boolean> {
  try {
    await symlink(from, to)
    return true
  } catch (error) {
    if (['EPERM', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}

/** Where images go in a folder: as they lie below their common folder, and no two with one label file. */
export function placesFor(images: readonly string[], target: string): string[] {
  const common = images.map((image) => dirname(image)).reduce(commonFolder)
  const taken = new Set<string>()
  return images.map((image) => {
    // A folder "images" on the way would send readers to another folder of labels than ours.
    const folders = seenFrom(common, dirname(image))
      .split('/')
      .filter((part) => part !== 'images')
    const place = (name: string) => join(target, ...folders, name + extname(image))
    let chosen = place(stemOf(image))
    for (let n = 2; taken.has(labelPath(chosen).toLowerCase()); n++) chosen = place(`${stemOf(image)}_${n}`)
    taken.add(labelPath(chosen).toLowerCase())
    return chosen
  })
}

function commonFolder(a: string, b: string): string {
  let folder = a
  while (folder !== dirname(folder) && b !== folder && !b.startsWith(folder + sep)) folder = dirname(folder)
  return folder
}
