// What `--resume` goes on with.
import { existsSync, statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { NothingToResumeError } from '../base/index.ts'

const lastCheckpoint = join('weights', 'last.safetensors')

/**
 * The checkpoint to go on with and the folder of its run.
 *
 * @param resume - true: the run below `project` that was written last; else a checkpoint or the folder of a run
 * @throws {@link NothingToResumeError}
 */
export async function findCheckpoint(
  resume: string | boolean,
  project: string,
): Promise<{ checkpoint: string; folder: string }> {
  if (typeof resume === 'string') {
    const checkpoint = existsSync(resume) && statSync(resume).isDirectory() ? join(resume, lastCheckpoint) : resume
    if (!existsSync(checkpoint)) throw new NothingToResumeError(checkpoint)
    const parent = dirname(checkpoint)
    return { checkpoint, folder: basename(parent) === 'weights' ? dirname(parent) : parent }
  }
  const names = await readdir(project).catch(() => [] as string[])
  const found = names
    .map((name) => join(project, name, lastCheckpoint))
    .filter((path) => existsSync(path))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)[0]
  if (found === undefined) throw new NothingToResumeError(join(project, '*', lastCheckpoint))
  return { checkpoint: found, folder: dirname(dirname(found)) }
}
