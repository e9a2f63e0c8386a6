// `hypevolve delete`: forgets a study and removes what it wrote.
import { rm, rmdir, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { UsageError } from '../../base/index.ts'
import { endedCount } from '../../study/index.ts'
import type { DeleteFlags } from '../cli/delete.ts'
import { Terminal } from '../console/terminal.ts'
import { counted } from '../console/text.ts'
import { withStudy } from './open.ts'
import { studyFolder } from './settings.ts'

/** @returns the exit code */
export const runDelete = (name: string, flags: DeleteFlags): Promise<number> =>
  withStudy(name, flags, async (storage, study) => {
    const folder = await ownFolder(studyFolder(study))
    const what = `${study.name} with ${counted(endedCount(study.counts), 'trial')}${folder ? ` and what it wrote to ${folder}` : ''}`
    if (!flags.yes) {
      const terminal = new Terminal()
      if (!terminal.interactive) throw new UsageError(`Deletes ${what}. Add --yes where nobody can be asked.`)
      if (!(await terminal.confirm(`Delete ${what}?`, false))) return 1
    }
    await storage.deleteStudy(study.id)
    console.log(`Deleted ${what}.`)
    if (folder && !(await removeFiles(folder))) console.log(`${folder} holds other files too and stays.`)
    return 0
  })

/** The folder if it is there and lies below the current one; any other is nothing to remove on a study's word. */
async function ownFolder(folder: string): Promise<string | undefined> {
  const path = relative(process.cwd(), resolve(folder))
  if (path === '' || path.startsWith('..') || resolve(path) !== resolve(folder)) return undefined
  return (await stat(path).catch(() => undefined))?.isDirectory() ? path : undefined
}

/** What studies write into their folders. */
const written = ['trials', 'evolve.csv', 'hyp_evolve.yaml', 'hyp_evolved.yaml', 'evolve.png', 'results.csv']

/** @returns whether nothing is left: other studies may lie below this folder, and files of the user */
async function removeFiles(folder: string): Promise<boolean> {
  for (const name of written) await rm(join(folder, name), { recursive: true, force: true })
  return rmdir(folder).then(
    () => true,
    () => false,
  )
}
