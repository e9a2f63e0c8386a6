// Each text is what a real program printed: PyTorch 1.7 to 2.9, its launchers, CUDA, Python, the system.

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { describeWith } from '../../../test/helpers/peers.ts'
import { isRetried } from '../failures.ts'
import { explainExit } from './index.ts'

const explain = (text: string, code = 1) => explainExit({ code, signal: null }, text.split('\n'))
const retried = (text: string) => isRetried(explain(text).failure, [{ ending: undefined }])

describe('memory of the GPU', () => {
  it.each([
    'RuntimeError: CUDA out of memory. Tried to allocate 294.00 MiB (GPU 0; 6.00 GiB total capacity; 118.62 MiB already allocated; 4.20 GiB free; 362.00 MiB reserved in total by PyTorch)',
    'RuntimeError: CUDA out of memory. Tried to allocate 12.50 MiB (GPU 0; 10.92 GiB total capacity; 8.57 MiB already allocated; 9.28 GiB free; 4.68 MiB cached)',
    'torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1936.00 GiB (GPU 0; 11.17 GiB total capacity; 2.15 GiB already allocated; 7.62 GiB free; 3.02 GiB reserved in total by PyTorch) If reserved memory is >> allocated memory try setting max_split_size_mb to avoid fragmentation.',
    '[rank1]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.68 GiB of which 15.38 MiB is free. Process 2713 has 23.65 GiB memory in use.',
    '\u001b[31mtorch.OutOfMemoryError: HIP out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.98 GiB\u001b[0m',
  ])('%s', (text) => {
    expect(explain(text)).toEqual({
      failure: 'out-of-memory',
      reason:
        'The memory of GPU 0 is used up. Use a smaller --batch-size or --imgsz, or look with nvidia-smi who else uses it.',
    })
  })

  it.each([
    'RuntimeError: CUDA error: out of memory',
    'torch.AcceleratorError: CUDA error: out of memory',
    'RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`',
    'RuntimeError: cuDNN error: CUDNN_STATUS_ALLOC_FAILED',
    'RuntimeError: Unable to find a valid cuDNN algorithm to run convolution',
    'RuntimeError: GET was unable to find an engine to execute this computation',
    'RuntimeError: FIND was unable to find an engine to execute this computation',
    "RuntimeError: NCCL Error 1: unhandled cuda error\nncclUnhandledCudaError: Call to CUDA function failed.\nLast error:\nCuda failure 'out of memory'",
    'RuntimeError: NVML_SUCCESS == r INTERNAL ASSERT FAILED at "../c10/cuda/CUDACachingAllocator.cpp":1131, please report a bug to PyTorch.',
    'RuntimeError: MPS backend out of memory (MPS allocated: 17.93 GB, other allocations: 226.48 MB, max allowed: 18.13 GB).',
  ])('%s', (text) => {
    expect(explain(text)).toMatchObject({
      failure: 'out-of-memory',
      reason: expect.stringMatching(/memory of GPU is used up/),
    })
  })
})

describe('memory of the machine', () => {
  it.each([
    "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4503599627370496 bytes. Error code 12 (Cannot allocate memory)",
    'RuntimeError: [enforce fail at ..\\c10\\core\\impl\\alloc_cpu.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate 25690112 bytes.',
    'OSError: [Errno 12] Cannot allocate memory',
    'numpy.core._exceptions._ArrayMemoryError: Unable to allocate 1.17 MiB for an array with shape (640, 640, 3) and data type uint8',
    "cv2.error: OpenCV(4.5.5) D:\\a\\alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate 1228800 bytes in function 'cv::OutOfMemoryError'",
    'OSError: [WinError 1455] The paging file is too small for this operation to complete. Error loading "cudnn_cnn_infer64_8.dll"',
    'RuntimeError: Could not allocate bytes object!',
    'MemoryError',
  ])('%s', (text) => {
    expect(explain(text)).toMatchObject({
      failure: 'out-of-memory',
      reason: expect.stringMatching(/^The memory of the machine is used up/),
    })
  })

  it.each([
    ['RuntimeError: DataLoader worker (pid 19597) is killed by signal: Killed.', 'killed a data worker'],
    [
      'RuntimeError: DataLoader worker (pid 1817) is killed by signal: Killed. \n\nThe above exception was the direct cause of the following exception:\n\nRuntimeError: DataLoader worker (pid(s) 1817) exited unexpectedly',
      'killed a data worker',
    ],
    [
      '  exitcode  : -9 (pid: 3309)\n  error_file: <N/A>\n  traceback : Signal 9 (SIGKILL) received by PID 3309\n=====',
      'SIGKILL',
    ],
    [
      'ERROR:torch.distributed.elastic.multiprocessing.api:failed (exitcode: -9) local_rank: 3 (pid: 812917) of binary: python\nTraceback (most recent call last):\ntorch.distributed.elastic.multiprocessing.errors.ChildFailedError: ',
      'SIGKILL',
    ],
    [
      "subprocess.CalledProcessError: Command '['python', '-u', 'train.py']' died with <Signals.SIGKILL: 9>.",
      'SIGKILL',
    ],
    ['torch.multiprocessing.spawn.ProcessExitedException: process 0 terminated with signal SIGKILL', 'SIGKILL'],
    ['./train.sh: line 3: 12345 Killed                  python train.py', 'SIGKILL'],
  ])('%s', (text, reason) => {
    expect(explain(text)).toMatchObject({ failure: 'out-of-memory', reason: expect.stringContaining(reason) })
  })

  it('of which shared memory and open files are no part', () => {
    for (const text of [
      'ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).\nRuntimeError: DataLoader worker (pid 325) is killed by signal: Bus error.',
      "RuntimeError: DataLoader worker (pid 46794) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.\n\nRuntimeError: DataLoader worker (pid(s) 46794) exited unexpectedly",
      'RuntimeError: unable to write to file </torch_18692_1954506624>',
      'RuntimeError: unable to write to file </torch_1234_5_6>: No space left on device (28)',
      'RuntimeError: unable to allocate shared memory(shm) for file </torch_29919_1396182366>: Resource temporarily unavailable (11)',
    ])
      expect(explain(text), text).toMatchObject({ failure: 'crash', reason: expect.stringMatching(/--shm-size=8g/) })
    for (const text of [
      'OSError: [Errno 24] Too many open files',
      'RuntimeError: unable to open shared memory object </torch_29919_1396182366> in read-write mode: Too many open files (24)',
      'RuntimeError: received 0 items of ancdata',
    ])
      expect(explain(text), text).toMatchObject({ failure: 'crash', reason: expect.stringMatching(/ulimit -n/) })
  })

  it('is looked for before what comes of it', () => {
    const text = [
      '[rank0]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.68 GiB',
      '[rank1]: torch.distributed.DistBackendError: NCCL communicator was aborted on rank 1.',
      'torch.distributed.elastic.multiprocessing.errors.ChildFailedError: ',
    ].join('\n')
    expect(explain(text)).toMatchObject({ failure: 'out-of-memory' })
  })

  it('that a warning speaks of was survived', () => {
    const text = 'WARNING: CUDA OutOfMemoryError in TaskAlignedAssigner, using CPU\nKeyError: 3'
    expect(explain(text)).toEqual({ failure: 'crash', reason: 'Exit code 1.' })
  })
})

describe('GPU and driver', () => {
  it.each([
    ['RuntimeError: CUDA error: device-side assert triggered', /labels? has a class/],
    [
      '../aten/src/ATen/native/cuda/IndexKernel.cu:92: operator(): block: [0,0,0], thread: [96,0,0] Assertion `index >= -sizes[i] && index < sizes[i] && "index out of bounds"` failed.\ntorch.AcceleratorError: CUDA error: device-side assert triggered\nCUDA kernel errors might be asynchronously reported at some other API call',
      /classes count from 0/,
    ],
    ['RuntimeError: CUDA error: an illegal memory access was encountered', /^The GPU or its driver failed/],
    ['RuntimeError: CUDA error: unspecified launch failure', /^The GPU or its driver failed/],
    ['RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED', /^The GPU or its driver failed/],
    [
      'RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle)`',
      /^The GPU or its driver failed/,
    ],
    ['RuntimeError: CUDA error: uncorrectable ECC error encountered', /GPU itself failed/],
    ['RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable', /Another program has the GPU/],
    ['RuntimeError: CUDA error: initialization error', /failed: initialization error/],
    [
      'torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1691, unhandled system error, NCCL version 2.19.3',
      /NCCL_DEBUG=INFO/,
    ],
    [
      "terminate called after throwing an instance of 'c10::DistBackendError'\n  what():  [Rank 3] NCCL watchdog thread terminated with exception: [Rank 3] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=880, OpType=BROADCAST, NumelIn=131137536, NumelOut=131137536, Timeout(ms)=1800000) ran for 1800778 milliseconds before timing out.",
      /lost each other/,
    ],
    [
      'RuntimeError: The server socket has failed to listen on any local network address. The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).',
      /port .* is taken/,
    ],
    [
      'torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, message: address already in use',
      /port .* is taken/,
    ],
    ['RuntimeError: Address already in use', /port .* is taken/],
  ])('%s may be luck', (text, reason) => {
    expect(explain(text)).toMatchObject({ failure: 'crash', reason: expect.stringMatching(reason) })
    expect(retried(text)).toBe(true)
  })

  it.each([
    [
      'RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver',
      /sees no GPU/,
    ],
    ['AssertionError: Torch not compiled with CUDA enabled', /sees no GPU/],
    ['RuntimeError: No CUDA GPUs are available', /sees no GPU/],
    ['RuntimeError: The NVIDIA driver on your system is too old (found version 10010).', /driver does not fit/],
    ['Failed to initialize NVML: Driver/library version mismatch', /restart the machine/],
    ['RuntimeError: CUDA error: no kernel image is available for execution on the device', /not built for this GPU/],
    ['RuntimeError: CUDA error: invalid device ordinal', /no GPU of that number/],
  ])('%s is none', (text, reason) => {
    expect(explain(text)).toMatchObject({ failure: 'bad-configuration', reason: expect.stringMatching(reason) })
    expect(retried(text)).toBe(false)
  })
})

describe('what is not there, or cannot be read', () => {
  it.each([
    ["ModuleNotFoundError: No module named 'torch'", /no module torch\. .*--python/],
    ['/usr/bin/python3: No module named yolov5.train', /no module yolov5\.train/],
    [
      "ImportError: cannot import name 'scale_coords' from 'utils.general' (/x/utils/general.py)",
      /^utils\.general has no scale_coords/,
    ],
    [
      'ImportError: libGL.so.1: cannot open shared object file: No such file or directory',
      /libGL\.so\.1.*apt install libgl1/,
    ],
    [
      'OSError: libcudart.so.11.0: cannot open shared object file: No such file or directory',
      /library libcudart\.so\.11\.0/,
    ],
    [
      'A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.0.0 as it may crash.\nRuntimeError: Numpy is not available',
      /numpy<2/,
    ],
    [
      'ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject',
      /numpy<2/,
    ],
    ["python: can't open file '/x/train.py': [Errno 2] No such file or directory", /no program \/x\/train\.py/],
    ["FileNotFoundError: [Errno 2] No such file or directory: 'data/coco128.yaml'", /no file data\/coco128\.yaml\. /],
    [
      "PermissionError: [Errno 13] Permission denied: '/data/labels/train.cache.npy'",
      /^\/data\/labels\/train\.cache\.npy may not/,
    ],
    [
      'yaml.scanner.ScannerError: mapping values are not allowed here',
      /yaml file .*: mapping values are not allowed here/,
    ],
    [
      "PIL.UnidentifiedImageError: cannot identify image file '/data/images/a.jpg'",
      /^\/data\/images\/a\.jpg is no image/,
    ],
    ['OSError: image file is truncated (5 bytes not processed)', /image of the data set is broken/],
    [
      "cv2.error: OpenCV(4.7.0) /io/color.cpp:182: error: (-215:Assertion failed) !_src.empty() in function 'cvtColor'",
      /image cannot be read\. /,
    ],
    [
      'AssertionError: Image Not Found /data/images/train/000.jpg',
      /image cannot be read: \/data\/images\/train\/000\.jpg/,
    ],
    ["KeyError: 'nc'", /data yaml has no nc/],
    [
      'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory',
      /weights is broken/,
    ],
    ["_pickle.UnpicklingError: invalid load key, '<'.", /weights is broken/],
    ['_pickle.UnpicklingError: Weights only load failed. This file can still be loaded', /PyTorch 2\.6/],
    [
      'RuntimeError: Error(s) in loading state_dict for Model:\n\tsize mismatch for model.24.m.0.weight: copying a param with shape torch.Size([255, 128, 1, 1])',
      /do not fit the model/,
    ],
    [
      'wandb.errors.UsageError: api_key not configured (no-tty). call wandb.login(key=[your_api_key])',
      /WANDB_MODE=disabled/,
    ],
    ['EOFError: EOF when reading a line', /asked a question/],
    ['  File "train.py", line 3\n    match x:\n          ^\nSyntaxError: invalid syntax', /newer Python/],
  ])('%s', (text, reason) => {
    expect(explain(text)).toMatchObject({ failure: 'bad-configuration', reason: expect.stringMatching(reason) })
    expect(retried(text)).toBe(false)
  })
})

describe('the machine', () => {
  it.each([
    ['OSError: [Errno 28] No space left on device', /disk is full/],
    ["OSError: [Errno 122] Disk quota exceeded: 'runs/train/exp/weights/last.pt'", /disk is full/],
    [
      'RuntimeError: [enforce fail at inline_container.cc:445] . PytorchStreamWriter failed writing file data/176: file write failed',
      /disk is full/,
    ],
    ['RuntimeError: [enforce fail at inline_container.cc:300] . unexpected pos 190007680 vs 190007572', /disk is full/],
    ['RuntimeError: write(): fd 29 failed with Input/output error', /disk is full/],
    ["RuntimeError: can't start new thread", /no more threads/],
    [
      'OpenBLAS blas_thread_init: pthread_create failed for thread 11 of 64: Resource temporarily unavailable',
      /no more threads/,
    ],
    [
      'RuntimeError: DataLoader worker (pid 25902) is killed by signal: Segmentation fault.',
      /data worker died \(Segmentation fault\)/,
    ],
    ['urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>', /network/],
  ])('%s', (text, reason) => {
    expect(explain(text)).toMatchObject({ failure: 'crash', reason: expect.stringMatching(reason) })
  })
})

describe('a loss that is no number', () => {
  it.each([
    'RuntimeError: loss is nan, stopping training',
    'Loss is nan, stopping training',
    "RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output.",
    'FloatingPointError: Loss became infinite or NaN at iteration=12!',
    'ValueError: cannot convert float NaN to integer',
  ])('%s', (text) => {
    expect(explain(text)).toMatchObject({ failure: 'diverged' })
    expect(retried(text)).toBe(false)
  })
})

it('says of which signal a part died', () => {
  expect(explain('x', 139)).toEqual({ failure: 'crash', reason: 'Exit code 139: a part of it was ended by SIGSEGV.' })
})

const python = fileURLToPath(new URL('../../../.peers/venv/bin/python', import.meta.url))

describeWith(existsSync(python), 'PyTorch (npm run setup-peers)')('PyTorch of this machine', () => {
  const script = `
import os, signal, sys
import torch
what = sys.argv[1]
class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, i):
        if what == 'worker memory':
            torch.empty(1 << 50)
        os.kill(os.getpid(), {'killed': signal.SIGKILL, 'segfault': signal.SIGSEGV, 'bus error': signal.SIGBUS}[what])
if __name__ == '__main__':
    if what == 'memory':
        torch.empty(1 << 50)
    if what == 'mismatch':
        torch.nn.Linear(2, 3).load_state_dict(torch.nn.Linear(2, 4).state_dict())
    if what == 'weights':
        torch.load(__file__)
    if what == 'disk':
        torch.save(torch.zeros(100000), '/dev/full')
    for batch in torch.utils.data.DataLoader(Data(), num_workers=1):
        pass
`
  it.each([
    ['memory', 'out-of-memory', /^The memory of the machine/],
    ['worker memory', 'out-of-memory', /^The memory of the machine/],
    ['killed', 'out-of-memory', /^The system killed a data worker/],
    ['segfault', 'crash', /^A data worker died/],
    ['bus error', 'crash', /^The shared memory/],
    ['mismatch', 'bad-configuration', /^The weights do not fit/],
    ['weights', 'bad-configuration', /^A file of weights is broken/],
    ['disk', 'crash', /^The disk is full/],
  ])('says of %s what is understood', { timeout: 60_000 }, (what, failure, reason) => {
    const file = writeText(join(temporaryFolder(), 'fail.py'), script)
    const env = { ...process.env, OMP_NUM_THREADS: '1' }
    const { status, signal, stdout, stderr } = spawnSync(python, [file, what], { encoding: 'utf8', env })
    // What is kept of an output: its last 40 lines.
    const lines = `${stdout}${stderr}`
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-40)
    const explanation = explainExit({ code: status, signal }, lines)
    expect(explanation).toMatchObject({ failure, reason: expect.stringMatching(reason) })
  })
})
