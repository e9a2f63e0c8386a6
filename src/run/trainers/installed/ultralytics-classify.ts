// What Ultralytics says when it cannot train, in sentences that say what to do. What all PyTorch programs say (memory,
// CUDA, modules) is known elsewhere.
import type { FailureClass } from '../../../search/index.ts'
import type { Exit } from '../../process/group.ts'

type Message = readonly [pattern: RegExp, failure: FailureClass, reason: (...groups: string[]) => string]

/** The first that fits. */
const messages: readonly Message[] = [
  [
    /SyntaxError:\s*'([^']+)' is not a valid YOLO argument/,
    'bad-configuration',
    (word) => `This release has no setting "${word}": "yolo cfg" lists those that it has.`,
  ],
  [
    /(?:ValueError|TypeError): '([^'\n]+)' is (?:an invalid value|of invalid type)[^\n]*?(Valid '[^\n]*|must be[^\n]*)?$/m,
    'bad-configuration',
    (word, rule) => `It refuses ${word}. ${rule ?? 'Correct the value, or the bounds of the search (--set).'}`,
  ],
  [
    /Error: [^\n]*?'([^\n']+\.ya?ml)' does not exist/,
    'bad-configuration',
    (file) => `There is no ${file}: neither here nor among those that come with Ultralytics.`,
  ],
  [
    /Dataset '([^'\n]+)' (?:images not found|error)[^\n]*?(?:missing paths? (\S+))?\s*$/m,
    'bad-configuration',
    (data, path) =>
      `The data set ${data} cannot be used${path ? `: ${path} is not there` : ''}. Correct path, train and val in its yaml.`,
  ],
  [
    /FileNotFoundError: [^\n]*?'?([^\s']+\.pt)'?(?: does not exist)?\s*$/m,
    'bad-configuration',
    (file) =>
      `The weights ${file} are not there. Give the path of a file, or the name of official weights (--model yolo11n.pt).`,
  ],
  [
    /(?:Error|Exception): [^\n]*(?:No (?:valid )?images found|images not found) (?:in )?([^\s.]+)/,
    'bad-configuration',
    (place) => `There are no images in ${place}. Correct path, train and val in the data yaml.`,
  ],
  [
    /(?:Error|Exception): [^\n]*No (?:valid )?labels found(?: in (\S+?)\.?(?:\s|$))?/,
    'bad-configuration',
    (place) =>
      `No image has labels${place ? ` (${place})` : ''}. They are looked for in folders named labels beside those named images.`,
  ],
  [
    /Optimizer '([^'\n]+)' not found in list of available optimizers/,
    'bad-configuration',
    (name) => `This release has no optimizer ${name}.`,
  ],
  [
    /froze the entire model/,
    'bad-configuration',
    () => 'Every layer is frozen, so nothing can be trained. Give a smaller --freeze.',
  ],
  [
    /Invalid CUDA 'device=([^'\n]+)' requested/,
    'bad-configuration',
    (device) =>
      `PyTorch cannot use GPU ${device}: it is not there, or this PyTorch was built without CUDA ("python -c 'import torch; print(torch.cuda.is_available())'").`,
  ],
  [
    /Weights only load failed|WeightsUnpickler error/,
    'bad-configuration',
    () =>
      'This release of Ultralytics is older than its PyTorch, which no longer reads such checkpoints. Update one ("pip install -U ultralytics").',
  ],
  [
    /(?:ModuleNotFoundError|ImportError)[^\n]*cloudpickle|requirements? \[?'?cloudpickle/,
    'bad-configuration',
    () =>
      'Several GPUs for one training need the package cloudpickle, which is not installed ("pip install cloudpickle").',
  ],
  [
    /NaN persisted for \d+ epochs|is corrupted with NaN\/Inf weights|detected but no valid last\.pt is available/,
    'diverged',
    () => 'The loss became NaN, and did again from the last checkpoint.',
  ],
  [
    /training to (\d+) epochs is finished, nothing to resume|Resume checkpoint not found/,
    'crash',
    () => 'The checkpoint of the last attempt cannot be gone on with.',
  ],
  [
    /Download failure for (\S+)|ConnectionError: [^\n]*Download/,
    'crash',
    (what) => `${what ?? 'A file that it needs'} could not be downloaded. Fetch it by hand, and give its path.`,
  ],
]

// Colours of a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what they are made of
const colours = /\x1b\[[\d;]*m/g

/** @returns `undefined` if it says nothing that only Ultralytics says */
export function classifyUltralytics(
  { code, signal }: Exit,
  output: readonly string[],
): { readonly failure: FailureClass; readonly reason: string } | undefined {
  if (code === 0 || signal !== null) return undefined
  // Indented are the lines of code in a traceback, with the messages as they are before values stand in them.
  const lines = output.map((line) => line.replace(colours, '')).filter((line) => !/^\s/.test(line))
  const text = lines.join('\n')
  for (const [pattern, failure, reason] of messages) {
    const found = pattern.exec(text)
    if (found) return { failure, reason: reason(...(found.slice(1) as string[])) }
  }
  return undefined
}
