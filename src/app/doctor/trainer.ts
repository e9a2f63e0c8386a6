// `hypevolve doctor --trainer …`: whether a trainer of this machine can train, what it is, and who uses the GPUs.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { HypevolveError } from '../../base/index.ts'
import type { Installation } from '../../run/index.ts'
import { isInstalled } from '../evolve/installed.ts'
import { type Check, type Finding, note, ok, problem } from './finding.ts'

/** Imports what a training imports, and says what there is; one JSON object. */
const probe = `
import importlib, json, os, platform, sys
if os.path.exists('train.py'):
    sys.path.insert(0, os.getcwd())
said = {'python': platform.python_version(), 'missing': [], 'broken': {}}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or name) not in said['missing']:
            said['missing'].append(error.name or name)
    except BaseException as error:
        said['broken'][name] = '%s: %s' % (type(error).__name__, error)
torch = sys.modules.get('torch')
if torch is not None:
    said['torch'] = torch.__version__
    said['cuda'] = torch.version.cuda if torch.cuda.is_available() else None
    said['gpus'] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
print('\\n' + json.dumps(said))
`

/** What a training imports, by trainer, in the names that Python has for them. */
const imports = {
  yolov5: [
    'torch',
    'torchvision',
    'cv2',
    'numpy',
    'yaml',
    'pandas',
    'matplotlib',
    'seaborn',
    'tqdm',
    'PIL',
    'requests',
  ],
  yolov3: ['torch', 'torchvision', 'cv2', 'numpy', 'yaml', 'matplotlib', 'tqdm', 'PIL'],
  ultralytics: ['torch', 'torchvision', 'cv2', 'numpy', 'yaml', 'matplotlib', 'PIL', 'ultralytics'],
} as const

interface Probed {
  readonly python: string
  readonly missing: readonly string[]
  readonly broken: Readonly<Record<string, string>>
  readonly torch?: string
  readonly cuda?: string | null
  readonly gpus?: readonly string[]
}

/** Nothing is installed, and no bytes are written into a clone. */
const quiet = {
  YOLO_AUTOINSTALL: 'false',
  YOLOv5_AUTOINSTALL: 'false',
  PIP_NO_INDEX: '1',
  PYTHONDONTWRITEBYTECODE: '1',
}

/** PyTorch alone takes seconds to import, on a network drive minutes. */
const limitMs = 180_000

export const trainer: Check = async ({ trainer: name, repo, python, module }) => {
  if (name === undefined || !isInstalled(name)) return []
  const { installedTrainers } = await import('../../run/index.ts')
  try {
    const found = await installedTrainers[name].locate({ repo, python, module })
    return [
      ok('trainer', `${found.release}, known by ${found.releaseFrom}: ${found.start.join(' ')}`),
      ...found.notes.map((text) => note('trainer', text)),
      ...(await packages(found, [...imports[name], ...ownModule(found)])),
      ...(await gpus()),
    ]
  } catch (error) {
    if (!(error instanceof HypevolveError)) throw error
    return [problem('trainer', error.message)]
  }
}

/** What the trainer itself imports, which changes from release to release: its module, or train.py of a clone. */
function ownModule({ repo, start }: Installation): string[] {
  const at = start.indexOf('-m')
  return at >= 0 ? [start[at + 1]!] : repo === undefined ? [] : ['train']
}

async function packages({ python, repo }: Installation, names: readonly string[]): Promise<Finding[]> {
  let said: Probed
  try {
    const options = {
      timeout: limitMs,
      maxBuffer: 2 ** 24,
      env: { ...process.env, ...quiet },
      ...(repo !== undefined && { cwd: repo }),
    }
    const { stdout } = await promisify(execFile)(python, ['-c', probe, ...names], options)
    said = JSON.parse(stdout.trim().split('\n').at(-1)!) as Probed
  } catch (error) {
    const text = (error as { stderr?: string }).stderr?.trim().split('\n').at(-1) || (error as Error).message
    return [problem('python', `${python} cannot import the packages of a training: ${text}`)]
  }
  const findings: Finding[] = [ok('python', `${said.python}, ${python}`)]
  if (said.missing.length > 0)
    findings.push(
      problem(
        'packages',
        `${said.missing.join(', ')} ${said.missing.length === 1 ? 'is' : 'are'} missing: ` +
          `${python} -m pip install -r requirements.txt in the clone, or name another interpreter by --python`,
      ),
    )
  for (const [name, text] of Object.entries(said.broken))
    findings.push(problem('packages', `${name} is there but cannot be imported: ${text}`))
  if (said.torch !== undefined) {
    const { cuda, gpus: devices = [] } = said
    const text = cuda ? `CUDA ${cuda}, ${devices.join(', ')}` : 'without a GPU: trains on the processor'
    findings.push((cuda ? ok : note)('pytorch', `${said.torch}, ${text}`))
  }
  return findings
}

/** Memory of each GPU, and the programs that hold it. */
async function gpus(): Promise<Finding[]> {
  const { readGpus } = await import('../../run/index.ts')
  const all = await readGpus()
  if (!all) return []
  return all.map(({ index, name, totalMb, usedMb, processes }) => {
    const users = processes.map(({ pid, name: program, usedMb: mb }) => `${program} (${pid}, ${mb ?? '?'} MB)`)
    const text = `${name}, ${totalMb - usedMb} of ${totalMb} MB free${users.length > 0 ? `; used by ${users.join(', ')}` : ''}`
    const crowded = usedMb > totalMb / 2
    return (crowded ? note : ok)(`gpu ${index}`, text)
  })
}
