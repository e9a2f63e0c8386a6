// Which file systems a database must not stand on: SQLite's locks and its shared memory do not work across a network.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** Types of Linux: network file systems, and the ways in which virtual machines see their host's disks. */
const shared =
  /^(nfs\d?|smb\w*|cifs|ncpfs|afs|ceph|gpfs|lustre|beegfs|ocfs2|gfs2|glusterfs|9p|drvfs|wslfs|vboxsf|vmhgfs|prl_fs|virtiofs)$/

/**
 * Whether a file system is one of those. FUSE is, unless it mounts a local disk.
 *
 * @param type - as /proc/mounts names it
 */
export const isNetworkType = (type: string): boolean =>
  shared.test(type) || (/^fuse\./.test(type) && !/^fuse\.(ntfs|exfat|lxcfs|gocryptfs|encfs|ext\d|bindfs)/.test(type))

/** The type of the file system that a path (or its nearest folder that exists) stands on, if the system tells. */
export function fileSystemType(path: string): string | undefined {
  if (process.platform === 'win32') return resolve(path).startsWith('\\\\') ? 'cifs' : undefined
  let folder = resolve(path)
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  try {
    return typeOfMount(readFileSync('/proc/self/mountinfo', 'utf8'), realpathSync(folder))
  } catch {
    return undefined // no Linux
  }
}

/** The type of the last mount among those with the longest mount point above the path. */
export function typeOfMount(mountinfo: string, path: string): string | undefined {
  let found: string | undefined
  let length = 0
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ')
    if (after === undefined) continue
    const point = before
      .split(' ')[4]
      .replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
    const above = point === '/' || path === point || path.startsWith(`${point}/`)
    if (!above || point.length < length) continue
    length = point.length
    found = after.split(' ')[0]
  }
  return found
}
