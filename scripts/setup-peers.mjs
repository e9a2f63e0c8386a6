// `npm run setup-peers`: Python environments with the real YOLOv5 7.0.14 and Ultralytics on PyTorch, for comparisons
// (bench:*) and for the tests of `--trainer yolov5` and `ultralytics`, never for Hypevolve itself. Makes .peers/venv and
// .peers/ultralytics in this repository from Debian's own PyTorch 1.13 and PyPI's packages. What is there stays.
//   npm run setup-peers                 Debian's packages, yolov5 and ultralytics
//   npm run setup-peers -- --newest     also .peers/newest with the newest PyTorch that pip gives
//   npm run setup-peers -- --check      only tell what is there
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aptInstall, root } from './setup.mjs'

/** Debian's system Python: the one that its python3-torch belongs to, whatever else PATH has. */
const systemPython = '/usr/bin/python3'
const debianPackages = [
  'python3-venv',
  'python3-pip',
  'python3-torch',
  'python3-torchvision',
  'python3-opencv',
  'python3-pandas',
  'python3-matplotlib',
  'python3-scipy',
  'python3-seaborn',
  'python3-tqdm',
  'python3-psutil',
  'python3-yaml',
  'python3-requests',
  'python3-pil',
] // prettier-ignore

/** What yolov5 7.0.14 imports to train. Installed without dependencies: those would pull another PyTorch and OpenCV. */
const pythonPackages = [
  'yolov5==7.0.14',
  'ultralytics==8.0.238',
  'thop==0.1.1.post2209072238',
  'py-cpuinfo==9.0.0',
  'gitpython==3.1.43',
  'gitdb==4.0.12',
  'smmap==5.0.2',
  'fire==0.7.1',
  'termcolor==2.5.0',
  'huggingface-hub==0.24.7',
  'filelock==3.16.1',
  'fsspec==2024.9.0',
] // prettier-ignore

/**
 * The newest Ultralytics as of October 2026; it runs on Debian's PyTorch 1.13. In an environment of its own: yolov5 7.0.14
 * needs 8.0. polars is what it reads results.csv with; the oldest that it accepts is the smallest.
 */
const ultralyticsPackages = ['ultralytics==8.4.190', 'ultralytics-thop==2.2.3', 'polars==0.20.0']

const peers = join(root, '.peers')
const python = join(peers, 'venv/bin/python')
const ultralytics = join(peers, 'ultralytics/bin/python')
const newest = join(peers, 'newest/bin/python')
const words = process.argv.slice(2)

const call = (command, args, options = {}) => spawnSync(command, args, { encoding: 'utf8', ...options })
const ok = (command, args) => call(command, args).status === 0
const show = (command, args) => call(command, args, { stdio: 'inherit' }).status === 0

/** Python that fails unless these very releases are installed. */
const installed = (packages) =>
  `from importlib.metadata import version\n${packages
    .map((each) => each.split('=='))
    .map(([name, release]) => `assert version("${name}").replace("-", ".post") == "${release}"\n`)
    .join('')}`

function giveUp(text) {
  console.error(`setup-peers: ${text}`)
  console.error(
    'setup-peers: Hypevolve itself needs none of this; only the comparisons with PyTorch and the tests with real trainers do.',
  )
  process.exit(1)
}

function tell() {
  for (const [name, path, peer] of [
    ['venv', python, 'yolov5'],
    ['ultralytics', ultralytics, 'ultralytics'],
    ['newest', newest, 'yolov5'],
  ]) {
    const code = `from importlib.metadata import version\nprint(f"torch {version('torch')}, ${peer} {version('${peer}')}")`
    const result = existsSync(path) ? call(path, ['-c', code]) : undefined
    console.log(
      `.peers/${name}: ${result === undefined ? 'absent' : result.status === 0 ? result.stdout.trim() : 'broken'}`,
    )
  }
}

if (words.includes('--check')) {
  tell()
  process.exit(0)
}

console.log('setup-peers will install, for comparisons only:')
const haveDebian = ok(systemPython, [
  '-c',
  'from importlib.util import find_spec\n' +
    'names = "torch torchvision cv2 pandas matplotlib scipy seaborn tqdm psutil yaml requests PIL venv ensurepip"\n' +
    'assert all(find_spec(name) for name in names.split())',
])
if (!haveDebian) console.log(`  Debian packages (about 900 MB): ${debianPackages.join(' ')}`)
console.log(`  a Python environment in ${join(peers, 'venv')}, with from PyPI (20 MB): ${pythonPackages.join(' ')}`)
console.log(`  another in ${join(peers, 'ultralytics')}, with (30 MB): ${ultralyticsPackages.join(' ')}`)
if (words.includes('--newest')) console.log(`  the newest PyTorch from PyPI in ${join(peers, 'newest')}`)

if (!haveDebian) {
  if (!existsSync('/etc/debian_version')) giveUp('this is not Debian or Ubuntu; no python3-torch to install')
  await aptInstall(debianPackages).catch((error) =>
    giveUp(`apt-get could not install Debian's PyTorch (${error.message})`),
  )
}

mkdirSync(peers, { recursive: true })
if (!ok(python, ['-c', `${installed(pythonPackages)}import roboflow.core.version`])) {
  rmSync(join(peers, 'venv'), { recursive: true, force: true })
  if (!show(systemPython, ['-m', 'venv', '--system-site-packages', join(peers, 'venv')]))
    giveUp('python3 -m venv failed')
  if (!show(python, ['-m', 'pip', 'install', '-q', '--no-deps', '--disable-pip-version-check', ...pythonPackages]))
    giveUp('PyPI could not be reached, or lacks one of the packages above')
  // yolov5 imports the client of a hosted service that training never calls and that would pull a second OpenCV.
  const site = call(python, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']).stdout.trim()
  mkdirSync(join(site, 'roboflow/core'), { recursive: true })
  const refuses =
    'class NAME:\n    def __init__(self, *_, **__):\n        raise RuntimeError("roboflow is not installed here")\n'
  writeFileSync(join(site, 'roboflow/__init__.py'), refuses.replace('NAME', 'Roboflow'))
  writeFileSync(join(site, 'roboflow/core/__init__.py'), '')
  writeFileSync(join(site, 'roboflow/core/version.py'), refuses.replace('NAME', 'Version'))
  const probe = call(python, ['-c', 'import yolov5.train'])
  if (probe.status !== 0) giveUp(`yolov5 does not import:\n${probe.stderr}`)
}

if (!ok(ultralytics, ['-c', installed(ultralyticsPackages)])) {
  rmSync(join(peers, 'ultralytics'), { recursive: true, force: true })
  if (!show(systemPython, ['-m', 'venv', '--system-site-packages', join(peers, 'ultralytics')]))
    giveUp('python3 -m venv failed')
  const install = ['-m', 'pip', 'install', '-q', '--no-deps', '--disable-pip-version-check']
  if (!show(ultralytics, [...install, ...ultralyticsPackages]))
    giveUp('PyPI could not be reached, or lacks one of the packages above')
  const probe = call(ultralytics, ['-c', 'import ultralytics.cfg'])
  if (probe.status !== 0) giveUp(`ultralytics does not import:\n${probe.stderr}`)
}

if (words.includes('--newest') && !ok(newest, ['-c', 'import torch'])) {
  rmSync(join(peers, 'newest'), { recursive: true, force: true })
  if (!show(systemPython, ['-m', 'venv', join(peers, 'newest')])) giveUp('python3 -m venv failed')
  const version = words[words.indexOf('--newest') + 1]
  const torch = version && !version.startsWith('-') ? `torch==${version}` : 'torch'
  if (!show(newest, ['-m', 'pip', 'install', '-q', '--disable-pip-version-check', torch, 'numpy']))
    giveUp(`PyPI could not be reached, or has no ${torch} for this machine`)
}
tell()
