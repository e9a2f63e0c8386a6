// What Python programs, PyTorch, CUDA and the system say when a training dies, and what a person can do about it. The
// texts are those that they print; what only one trainer says is known to its adapter.
import type { FailureClass } from '../../search/index.ts'

export interface FailureMessage {
  /** Matches one line. */
  readonly pattern: RegExp
  readonly failure: FailureClass
  /** @param groups - of the pattern */
  readonly reason: (...groups: (string | undefined)[]) => string
}

const when = (pattern: RegExp, failure: FailureClass, reason: string | FailureMessage['reason']): FailureMessage => ({
  pattern,
  failure,
  reason: typeof reason === 'string' ? () => reason : reason,
})

const fewerWorkers = 'Use fewer data workers (--workers), no image cache (--cache), or fewer trainings at once.'
const gpuFull = (gpu = '') =>
  `The memory of GPU${gpu && ` ${gpu}`} is used up. Use a smaller --batch-size or --imgsz, or look with nvidia-smi who else uses it.`

/** Memory, before all else: whatever else is said then comes of it. */
const memory: readonly FailureMessage[] = [
  when(
    /too many open files|received 0 items of ancdata/i,
    'crash',
    'It has too many files open. Raise the limit (ulimit -n 65536) before hypevolve is started, or use fewer data workers.',
  ),
  when(
    /out of shared memory|insufficient shared memory|unable to (?:write to|open|allocate|resize|mmap)[^\n]*(?:\/torch_|shared memory|shm)|killed by signal: Bus error/i,
    'crash',
    'The shared memory (/dev/shm) is too small for its data workers. Start the container with --ipc=host or --shm-size=8g, ' +
      'or use fewer data workers (--workers 0 needs none).',
  ),
  when(/(?:CUDA|HIP|XPU) out of memory(?:.*?GPU (\d+))?/i, 'out-of-memory', gpuFull),
  when(
    /(?:CUDA|HIP) (?:error|failure):? *'?out of memory|cudaErrorMemoryAllocation|CU(?:BLAS|DNN|SPARSE|FFT)_STATUS_ALLOC_FAILED/i,
    'out-of-memory',
    () => gpuFull(),
  ),
  when(/torch(?:\.cuda)?\.OutOfMemoryError|MPS backend out of memory/, 'out-of-memory', () => gpuFull()),
  when(
    /Unable to find a valid cuDNN algorithm|unable to find an engine to execute this computation|NVML_SUCCESS == r|CUDACachingAllocator\.cpp[^\n]*INTERNAL ASSERT/i,
    'out-of-memory',
    () => `${gpuFull()} (cuDNN found no way that fits into what is left.)`,
  ),
  when(
    /DataLoader worker[^\n]*killed by signal: Killed/,
    'out-of-memory',
    `The system killed a data worker: the memory of the machine is used up. ${fewerWorkers}`,
  ),
  when(
    /Signal 9 \(SIGKILL\)|<Signals\.SIGKILL|terminated with signal SIGKILL|exitcode *: *-9\b|oom-kill|^(?:.*: line \d+: *\d+ )?Killed\b/,
    'out-of-memory',
    `A process of it was killed from outside (SIGKILL): the system does that when memory is used up. ${fewerWorkers}`,
  ),
  when(
    /out of memory|OutOfMemoryError|\bMemoryError\b|cannot allocate memory|can't allocate memory|not enough memory: you tried to allocate|DefaultCPUAllocator|std::bad_alloc|unable to allocate .* for an array|failed to allocate (?:memory|\d+ bytes)|Insufficient memory|ERR_WORKER_OUT_OF_MEMORY|could not allocate bytes object|paging file is too small/i,
    'out-of-memory',
    `The memory of the machine is used up. ${fewerWorkers}`,
  ),
]

/** What nobody but a person can mend: another attempt would end in the same way. */
const configuration: readonly FailureMessage[] = [
  when(
    /Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA|no CUDA-capable device|not compiled with (?:CUDA|GPU) support/i,
    'bad-configuration',
    'Its PyTorch sees no GPU. Look at nvidia-smi, and whether that PyTorch was built for CUDA: ' +
      "python -c 'import torch; print(torch.version.cuda, torch.cuda.is_available())'.",
  ),
  when(
    /driver on your system is too old|driver version is insufficient|Driver\/library version mismatch|forward compatibility was attempted/i,
    'bad-configuration',
    'The NVIDIA driver does not fit this PyTorch. Update it, and restart the machine after an update.',
  ),
  when(
    /no kernel image is available|is not compatible with the current PyTorch installation|PTX was compiled with an unsupported toolchain/i,
    'bad-configuration',
    'This PyTorch was not built for this GPU. Install one for its CUDA version (pytorch.org says how).',
  ),
  when(
    /invalid device ordinal|CUDA error: invalid argument: device/i,
    'bad-configuration',
    'There is no GPU of that number. Look at nvidia-smi, --device and CUDA_VISIBLE_DEVICES.',
  ),
  when(
    /(?:ImportError|OSError): (lib(?:GL|glib|gthread|SM|Xext|Xrender)[\w.-]*\.so[\w.]*): cannot open shared object/,
    'bad-configuration',
    (library) =>
      `OpenCV needs ${library}, which is not installed: apt install libgl1 libglib2.0-0, or pip install opencv-python-headless.`,
  ),
  when(
    /(?:ImportError|OSError|error while loading shared libraries): ([\w.+-]+\.so[\w.]*): cannot open shared object/,
    'bad-configuration',
    (library) => `The library ${library} is not installed, or not where programs look for it (LD_LIBRARY_PATH).`,
  ),
  when(
    /ModuleNotFoundError: No module named '([^']+)'/,
    'bad-configuration',
    (name) =>
      `Its Python has no module ${name}. Install it there, or give another Python (--python, or activate the environment first).`,
  ),
  when(/No module named ([\w.]+)$/, 'bad-configuration', (name) => `Its Python has no module ${name}.`),
  when(
    /ImportError: cannot import name '([^']+)' from (?:partially initialized module )?'([^']+)'/,
    'bad-configuration',
    (name, module) =>
      `${module} has no ${name}: its release does not fit the program. Install the one that the program asks for.`,
  ),
  when(
    /compiled using NumPy 1\.x cannot be run in|numpy\.dtype size changed|numpy\.core\.multiarray failed to import/,
    'bad-configuration',
    'A package was built for another NumPy: pip install "numpy<2", or update that package.',
  ),
  when(/\bImportError: (.*)/, 'bad-configuration', (what) => `Something cannot be imported: ${what}.`),
  when(/^Error: Cannot find module '([^']*)'/, 'bad-configuration', (name) => `There is no module ${name}.`),
  when(
    /can't open file '?([^':]+)'?: \[Errno 2\]/,
    'bad-configuration',
    (file) => `There is no program ${file}. Give its path from here, or a whole one.`,
  ),
  when(
    /\bSyntaxError: (.*)/,
    'bad-configuration',
    (what) => `Python cannot read the program (${what}): it may be written for a newer Python.`,
  ),
  when(
    /wandb\.errors?\.\w*(?:UsageError|Error)?[^\n]*(?:api_key not configured|not logged in|no API key)/i,
    'bad-configuration',
    'Weights & Biases wants a login. Log in before, or set WANDB_MODE=disabled.',
  ),
  when(
    /EOFError: EOF when reading a line/,
    'bad-configuration',
    'It asked a question, and nobody is there to answer. Answer by a flag, or run it once by hand.',
  ),
  when(
    /(?:yaml\.\w+\.)?(?:ScannerError|ParserError): (.*)/,
    'bad-configuration',
    (what) => `A yaml file cannot be read: ${what}.`,
  ),
  when(
    /UnidentifiedImageError: cannot identify image file '?([^'\n]*)'?/,
    'bad-configuration',
    (file) => `${file} is no image, or broken. Mend or remove it.`,
  ),
  when(
    /image file is truncated|broken data stream when reading image|Truncated File Read/,
    'bad-configuration',
    'An image of the data set is broken: the end of its file is missing. Find and replace it.',
  ),
  when(
    /Image [Nn]ot [Ff]ound:? *(\S*)|cv2\.error[^\n]*!_?src\.empty\(\)|error: \(-215:Assertion failed\) !_?src\.empty\(\)/,
    'bad-configuration',
    (file) =>
      `An image cannot be read${file ? `: ${file}` : ''}. Look whether all images of the data set are there and whole.`,
  ),
  when(
    /\bKeyError: '(nc|names|train|val)'/,
    'bad-configuration',
    (key) => `The data yaml has no ${key}. It needs train, val, nc and names.`,
  ),
  when(
    /PytorchStreamReader failed|UnpicklingError: (?!Weights)|EOFError: Ran out of input|not a ZIP archive|unexpected EOF, expected \d+ more bytes/,
    'bad-configuration',
    'A file of weights is broken: it was not written or fetched to its end. Delete it and fetch it again.',
  ),
  when(
    /Weights only load failed/,
    'bad-configuration',
    'PyTorch 2.6 and newer do not load such weights by themselves. Update the program, or use an older PyTorch.',
  ),
  when(
    /Error\(s\) in loading state_dict for (\w+)|size mismatch for ([\w.]+):/,
    'bad-configuration',
    'The weights do not fit the model. Give weights of the same model, or none.',
  ),
  when(
    /FileNotFoundError:.*No such file or directory: '?([^'\n]+?)'?$/,
    'bad-configuration',
    (file) =>
      `There is no file ${file}. Look at the paths in the data yaml and on the command line; they are seen from the program's folder.`,
  ),
  when(/FileNotFoundError: (.+)/, 'bad-configuration', (what) => `A file is missing: ${what}.`),
  when(
    /Permission denied: '?(.+?)'?$/,
    'bad-configuration',
    (file) => `${file} may not be read or written by this user.`,
  ),
]

/** Of the machine: may be gone the next time. */
const machine: readonly FailureMessage[] = [
  when(
    /No space left on device|Errno 28\b|Disk quota exceeded|ENOSPC|PytorchStreamWriter failed writing|inline_container\.cc[^\n]*unexpected pos|failed with Input\/output error/i,
    'crash',
    'The disk is full, or the quota is used up. Make room: runs/ has logs and weights of all trials (--keep says which stay).',
  ),
  when(
    /Address already in use|EADDRINUSE/i,
    'crash',
    'The port for its GPUs to talk is taken by another training. Give each its own (--master_port), or leave it to Hypevolve.',
  ),
  when(
    /device-side assert triggered/,
    'crash',
    'The GPU met an index out of bounds: most often a label has a class that the data yaml does not have (classes count from 0). ' +
      'A training on --device cpu says where.',
  ),
  when(
    /uncorrectable ECC error|GPU (?:is lost|has fallen off the bus)|Unable to determine the device handle|\bXid\b/i,
    'crash',
    'The GPU itself failed. Look at dmesg and nvidia-smi -q; it may need a reset, or be broken.',
  ),
  when(
    /all CUDA-capable devices are busy|CUDA error: device(?:\(s\))? (?:is|are) busy|exclusive-process/i,
    'crash',
    'Another program has the GPU for itself. Look at nvidia-smi who it is, and at its compute mode.',
  ),
  when(
    /illegal memory access|unspecified launch failure|misaligned address|launch timed out|CUDA error: unknown error|CUDA unknown error|CU(?:DNN|BLAS)_STATUS_\w+|CUDA driver error/i,
    'crash',
    'The GPU or its driver failed. If it comes again: a smaller batch shows whether memory is the cause, CUDA_LAUNCH_BLOCKING=1 shows where it happens.',
  ),
  when(/CUDA error: ([^\n]+)/, 'crash', (what) => `The GPU or its driver failed: ${what}.`),
  when(
    /can't start new thread|pthread_create failed|Resource temporarily unavailable/,
    'crash',
    'The system gives it no more threads. Use fewer data workers and fewer trainings at once, or raise the limit (ulimit -u).',
  ),
]

/** Said of what another process of the same training suffered, or of what it lived on with. Looked for last. */
const consequences: readonly FailureMessage[] = [
  when(
    /loss\b.{0,40}(?:\bis|\bbecame|[:=])\s*(?:nan|inf|infinite)\b|\bnon-?finite loss\b|returned nan values in its|cannot convert float NaN to integer/i,
    'diverged',
    'The loss is no finite number any more: the learning rate or a loss gain is too high for this model and data.',
  ),
  when(
    /NCCL|ProcessGroupGloo|DistBackendError|DistNetworkError|Connection (?:reset|closed) by peer/,
    'crash',
    'The GPUs of this training lost each other: one of its processes died or hung before. NCCL_DEBUG=INFO says more.',
  ),
  when(
    /DataLoader worker[^\n]*(?:killed by signal: ([\w ]+)|exited unexpectedly)/,
    'crash',
    (signal) =>
      `A data worker died${signal ? ` (${signal})` : ''}. Its own message is further up in the log; --workers 0 shows it in full.`,
  ),
  when(
    /URLError|HTTPError|ConnectionError|MaxRetryError|Name or service not known|Temporary failure in name resolution|Read timed out/,
    'crash',
    'It wanted something from the network and did not get it. Fetch weights and data before, and give their paths.',
  ),
]

/** In the order in which they are looked for. In each group the last line that fits any of them counts. */
export const failureMessages: readonly (readonly FailureMessage[])[] = [memory, [...configuration, ...machine]]
export const consequenceMessages: readonly (readonly FailureMessage[])[] = [consequences]
