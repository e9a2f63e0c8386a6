// Which code this is: the version, and the commit where it runs from a checkout. Kept with each study, told by doctor.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { programVersion } from './version.ts'

const packageFolder = fileURLToPath(new URL('../../', import.meta.url))

export interface CodeVersion {
  readonly version: string
  /** As `1a2b3c4d`, with `+` behind it if files differ from that commit; missing if this is no checkout, or git is silent. */
  readonly commit?: string
}

export const isCheckout = (): boolean => existsSync(resolve(packageFolder, '.git'))

export function codeVersion(): CodeVersion {
  const version = programVersion()
  if (!isCheckout()) return { version }
  try {
    const git = (...words: string[]) =>
      execFileSync('git', ['-C', packageFolder, ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim()
    const changed = git('status', '--porcelain', '--untracked-files=no') !== ''
    return { version, commit: git('rev-parse', '--short=8', 'HEAD') + (changed ? '+' : '') }
  } catch {
    return { version }
  }
}

/** '0.1.0', '0.1.0, git 1a2b3c4d with local changes'. */
export function codeText({ version, commit }: CodeVersion): string {
  if (commit === undefined) return version
  return `${version}, git ${commit.endsWith('+') ? `${commit.slice(0, -1)} with local changes` : commit}`
}
