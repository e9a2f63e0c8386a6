import { chmodSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../test/helpers/data-set.ts'
import { isRunning, until } from '../../test/helpers/processes.ts'
import { parseGpus, readGpus, waitForGpu } from './gpus.ts'
import { startGroup } from './process/group.ts'
import { markTraining } from './process/mark.ts'

const { PATH } = process.env
afterEach(() => {
  process.env['PATH'] = PATH
})

/** A program `nvidia-smi` on PATH that prints two files; they can be changed while it is asked. */
function fakeSmi(gpus: string, processes = ''): { gpus: string; processes: string } {
  const folder = temporaryFolder()
  const files = { gpus: writeText(join(folder, 'gpus'), gpus), processes: writeText(join(folder, 'apps'), processes) }
  const script = `#!/bin/sh
echo x >> '${folder}/asked'
case "$1 $2" in
  "--query-gpu=index,uuid,name,memory.total,memory.used --format=csv,noheader,nounits") cat '${files.gpus}' ;;
  "--query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv,noheader,nounits") cat '${files.processes}' ;;
  *) exit 6 ;;
esac`
  chmodSync(writeText(join(folder, 'nvidia-smi'), script), 0o755)
  process.env['PATH'] = `${folder}${delimiter}${PATH}`
  return files
}

const idle = (uuid: string) => `0, ${uuid}, NVIDIA GeForce RTX 3090, 24576, 12\n`
const full = (uuid: string) => `0, ${uuid}, NVIDIA GeForce RTX 3090, 24576, 20000\n`
const { signal } = new AbortController()

describe('readGpus', () => {
  it('tells memory and programs', async () => {
    fakeSmi(
      '0, GPU-aa, NVIDIA A100-SXM4-40GB, 40960, 1033\n1, GPU-bb, Tesla T4, 15360, 3\n',
      'GPU-aa, 1234, /usr/bin/python3, 1020\nGPU-bb, 77, C:\\a, b.exe, [N/A]\n',
    )
    expect(await readGpus()).toEqual([
      {
        index: 0,
        uuid: 'GPU-aa',
        name: 'NVIDIA A100-SXM4-40GB',
        totalMb: 40960,
        usedMb: 1033,
        processes: [{ pid: 1234, name: '/usr/bin/python3', usedMb: 1020 }],
      },
      {
        index: 1,
        uuid: 'GPU-bb',
        name: 'Tesla T4',
        totalMb: 15360,
        usedMb: 3,
        processes: [{ pid: 77, name: 'C:\\a, b.exe', usedMb: undefined }],
      },
    ])
  })

  it('is undefined where there is none, or where it does not work', async () => {
    process.env['PATH'] = temporaryFolder()
    expect(await readGpus()).toBeUndefined()
    const folder = temporaryFolder()
    const script =
      '#!/bin/sh\necho "NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver."; exit 9'
    chmodSync(writeText(join(folder, 'nvidia-smi'), script), 0o755)
    process.env['PATH'] = `${folder}${delimiter}${PATH}`
    expect(await readGpus()).toBeUndefined()
  })
})

it('passes over lines that say something else', () => {
  expect(parseGpus('', '')).toEqual([])
  expect(parseGpus('No devices were found\n', 'x, y\n\u0000,,,,\n')).toEqual([])
  const [shared] = parseGpus(
    '0, GPU-s, NVIDIA GB10, [N/A], [N/A]\r\n',
    'GPU-s, 9, [Not Found], [Insufficient Permissions]\r\n',
  )
  expect(shared).toMatchObject({
    totalMb: 0,
    usedMb: 0,
    processes: [{ pid: 9, name: '[Not Found]', usedMb: undefined }],
  })
})

describe('waitForGpu', () => {
  it('asks nobody for a processor', async () => {
    process.env['PATH'] = temporaryFolder()
    for (const device of ['cpu', '', 'mps', '0']) await waitForGpu(device, { signal })
  })

  it('begins at once on a GPU that is free enough', async () => {
    fakeSmi(idle('GPU-1'))
    const said: string[] = []
    await waitForGpu('0', { signal, onWait: (text) => said.push(text) })
    await waitForGpu('0', { signal, onWait: (text) => said.push(text), needFreeMb: 24000 })
    expect(said).toEqual([])
  })

  it('waits until the memory is given back', async () => {
    const files = fakeSmi(full('GPU-2'), 'GPU-2, 4321, python train.py, 19980\n')
    const said: string[] = []
    await waitForGpu('0+1', {
      signal,
      pollMs: 20,
      onWait: (text) => {
        said.push(text)
        writeText(files.gpus, idle('GPU-2'))
      },
    })
    expect(said).toEqual([
      'The training waits: GPU 0 has 4576 of 24576 MB free; held by python train.py (process 4321, 19980 MB).',
    ])
  })

  it('goes on after its time, and does not wait for the same memory again', async () => {
    fakeSmi(full('GPU-3'))
    const said: string[] = []
    const options = { signal, pollMs: 10, limitMs: 60, onWait: (text: string) => void said.push(text) }
    await waitForGpu('0', options)
    expect(said).toHaveLength(2)
    expect(said[1]).toMatch(/^After 0 s the training begins although GPU 0 has .* cannot be seen from here\.$/)
    await waitForGpu('0', options)
    expect(said).toHaveLength(2)
  })

  it('ends with its signal', async () => {
    fakeSmi(full('GPU-4'))
    const stop = new AbortController()
    await waitForGpu('0', { signal: stop.signal, onWait: () => stop.abort() })
  })

  it.skipIf(process.platform !== 'linux')('leaves other trainings of this process their memory', async () => {
    const mark = markTraining()
    // As the workers of torchrun do, the one that computes has left the group.
    const worker = 'setsid sh -c "echo \\$\\$; exec sleep 1000" & wait; sleep 1000'
    const group = await startGroup(['sh', '-c', worker], { env: { ...process.env, ...mark.env } })
    const pid = await new Promise<number>((resolve) =>
      group.child.stdout!.once('data', (text) => resolve(Number(text))),
    )
    fakeSmi(full('GPU-5'), `GPU-5, ${pid}, python, 19900\n`)
    const said: string[] = []
    const options = { signal, pollMs: 10, limitMs: 30, onWait: (text: string) => void said.push(text) }
    await waitForGpu('0', options)
    expect(said).toEqual([])
    mark.release()
    await waitForGpu('0', options)
    expect(said).toHaveLength(2)
    await mark.killStrays()
    group.kill('SIGKILL')
    await group.ended
    await until(() => !isRunning(pid))
  })
})
