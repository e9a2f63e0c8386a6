// Checks of the machine: Node, processor, memory, disk.
import { existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { availableParallelism, cpus, release, type } from 'node:os'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readIfThere } from '../../base/index.ts'
import { codeText, codeVersion, isCheckout } from '../code-version.ts'
import { bytesText, counted } from '../console/text.ts'
import { type Check, type Finding, note, ok, problem } from './finding.ts'

const packageFolder = fileURLToPath(new URL('../../../', import.meta.url))

/** Version, and the commit if this is a checkout. */
export const program: Check = () => {
  const code = codeVersion()
  if (code.commit !== undefined) return [ok('Program', `hypevolve ${codeText(code)}`)]
  if (!isCheckout()) return [ok('Program', `hypevolve ${code.version}, installed package`)]
  return [
    note('Program', `hypevolve ${code.version}, a git checkout, but git does not answer, so its commit is unknown`),
  ]
}

/** Node's version against package.json's engines. */
export const node: Check = () => {
  const { engines } = JSON.parse(readFileSync(resolve(packageFolder, 'package.json'), 'utf8')) as {
    engines: { node: string }
  }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [needMajor = 0, needMinor = 0] = engines.node.replace('>=', '').split('.').map(Number)
  const text = `${process.versions.node} on ${process.platform} ${process.arch}`
  if (major < needMajor || (major === needMajor && minor < needMinor))
    return [problem('Node', `${text}; Hypevolve needs ${engines.node}. Install a newer Node.`)]
  return [ok('Node', text)]
}

/** Operating system and word size: the native parts exist for 64-bit programs only. */
export const platform: Check = () => {
  const wsl = /microsoft/i.test(release())
  const system = `${type()} ${release()}${wsl ? ' (WSL)' : ''}`
  const words = ['arm', 'ia32', 'mips', 'mipsel', 'ppc', 's390'].includes(process.arch)
  if (words) {
    const reason = `Node is a 32-bit program (${process.arch}), and ONNX Runtime exists only for 64-bit ones.`
    const advice = cpus()[0]?.model.includes('64')
      ? 'The processor is a 64-bit one: install a 64-bit system or Node.'
      : 'Use a 64-bit system; on a Raspberry Pi the 64-bit edition of its system.'
    return [problem('System', `${system}: ${reason} ${advice}`)]
  }
  const tested = process.platform === 'linux' && process.arch === 'x64' && !wsl
  if (tested) return [ok('System', `${system}, x64`)]
  return [note('System', `${system}, ${process.arch}: expected to work, but only Linux on x64 is tested`)]
}

/** Cores that this process may use, and the vector instructions that decide how fast a training is. */
export const processor: Check = () => {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  const usable = availableParallelism()
  const quota = cgroupCores()
  const flags = readIfThere('/proc/cpuinfo')
  const vectors = / avx512f /.test(flags)
    ? 'AVX-512'
    : / avx2 /.test(flags)
      ? 'AVX2'
      : / asimd /.test(flags)
        ? 'NEON'
        : ''
  const text = `${model}, ${counted(usable, 'core')}${vectors ? `, ${vectors}` : ''}`
  if (quota !== undefined && quota < usable)
    return [
      note(
        'Processor',
        `${text}; but a limit (cgroup) allows ${quota.toFixed(1)} of them: pass --threads ${Math.max(1, Math.floor(quota))}`,
      ),
    ]
  return [ok('Processor', text)]
}

/** CPU limit of the container in cores, if there is one. */
function cgroupCores(): number | undefined {
  const [quota, period] = readIfThere('/sys/fs/cgroup/cpu.max').trim().split(/\s+/).map(Number)
  if (quota && period && Number.isFinite(quota)) return quota / period
  const old = Number(readIfThere('/sys/fs/cgroup/cpu/cpu.cfs_quota_us'))
  const oldPeriod = Number(readIfThere('/sys/fs/cgroup/cpu/cpu.cfs_period_us'))
  return old > 0 && oldPeriod > 0 ? old / oldPeriod : undefined
}

/** File systems by statfs type on which shared caches and frequent small writes go slowly or wrong. */
const networkTypes: Readonly<Record<number, string>> = {
  26985: 'NFS',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  20859: 'SMB',
  1702057286: 'FUSE',
  12805120: 'Ceph',
  198183888: 'Lustre',
  16914839: '9P (a Windows or host folder)',
  428016422: 'BeeGFS',
  1196443219: 'GPFS',
  1397113167: 'AFS',
}

/** The nearest folder above a path that exists. */
function existing(path: string): string {
  for (let at = resolve(path); ; at = dirname(at)) if (existsSync(at) || dirname(at) === at) return at
}

/** Free disk where runs and caches go, and whether that is a network file system. */
export const disk: Check = async ({ project }) => {
  const { cacheFolder } = await import('../../detect/index.ts')
  const findings: Finding[] = []
  for (const [topic, path] of [
    ['Disk, runs', project],
    ['Disk, cache', cacheFolder()],
  ] as const) {
    const folder = existing(path)
    const { bavail, bsize, type: kind } = await statfs(folder)
    const free = bavail * bsize
    const network = process.platform === 'linux' ? networkTypes[kind] : undefined
    const text = `${bytesText(free)} free in ${folder}`
    if (free < 200e6)
      findings.push(
        problem(topic, `${text}: too little for checkpoints and caches. Make room, or choose another folder.`),
      )
    else if (network)
      findings.push(
        note(
          topic,
          `${text}, which is a network file system (${network}): slower, and two programs must not write one run there`,
        ),
      )
    else if (free < 2e9) findings.push(note(topic, `${text}: enough to train, little for --cache disk`))
    else findings.push(ok(topic, text))
  }
  return findings
}
