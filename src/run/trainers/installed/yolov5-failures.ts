// What YOLOv5 and YOLOv3 say when they cannot train, in sentences that say what to do.
import type { FailureClass } from '../../../search/index.ts'
import type { Exit } from '../../process/group.ts'

interface Message {
  readonly pattern: RegExp
  readonly failure: FailureClass
  /** @param groups - of the pattern */
  reason(...groups: string[]): string
}

const message = (pattern: RegExp, failure: FailureClass, reason: Message['reason']): Message => ({
  pattern,
  failure,
  reason,
})
const refused = (pattern: RegExp, reason: Message['reason']) => message(pattern, 'bad-configuration', reason)

/** The first that fits. Those that explain others come first: a missing font is named in the same lines as the network. */
const messages: readonly Message[] = [
  refused(
    /(?:assets\/(Arial(?:\.Unicode)?\.ttf)|\bcheck_font\()[\s\S]*(?:URLError|HTTPError|ConnectionError|[Tt]imeoutError)/,
    (font = 'Arial.ttf') =>
      `It fetches the font ${font} before its first training, and the network did not give it. Put any font of that name into ~/.config/Ultralytics (or the folder that YOLOV5_CONFIG_DIR or YOLOV3_CONFIG_DIR names).`,
  ),
  refused(
    /Dataset not found[^\n[]*(\[[^\]\n]*\])/,
    (paths) =>
      `The images of the data set are not there: ${paths}. Correct train, val and path in the data yaml; relative ones count from the trainer's folder.`,
  ),
  refused(
    /Dataset not found/,
    () =>
      "The images of the data set are not there. Correct train, val and path in the data yaml; relative ones count from the trainer's folder.",
  ),
  refused(
    /No images found(?: in (\S+))?/,
    (place) => `There are no images${place ? ` in ${place}` : ''}. Correct train, val and path in the data yaml.`,
  ),
  refused(
    /No labels (?:found )?in (\S+?)\.? (?:Can ?not|can not)/,
    (place) => `No image has labels (${place}). They are looked for in folders named labels beside those named images.`,
  ),
  refused(
    /No labels found|Can ?not train without labels/i,
    () => 'No image has labels. They are looked for in folders named labels beside those named images.',
  ),
  refused(
    /Label class (\d+) exceeds (?:nc=|possible class labels)/i,
    (index) => `A label has class ${index}, but the data yaml has fewer classes (nc, names). Classes count from 0.`,
  ),
  refused(
    /(?:non-normalized or out of bounds coordinate|negative) label[^\n]*/,
    () => 'Labels are out of their bounds: centre and size are fractions of the image, from 0 to 1.',
  ),
  refused(/(\d+) names found for nc=(\d+) dataset/, (names, nc) => `The data yaml has ${names} names, but nc: ${nc}.`),
  refused(
    /nc=(\d+) classes but (\S+) nc=(\d+) classes/,
    (data, cfg, model) => `The data has ${data} classes, the model ${cfg} has ${model}. Set nc in the model's yaml.`,
  ),
  refused(
    /(?:AssertionError|Exception): *(?:ERROR: )?File [Nn]ot [Ff]ound:? *(\S*?)\.?(?:\s|$)/,
    (file) => `There is no file ${file}. Give its path, from here or from the clone.`,
  ),
  refused(
    /No such file or directory: '([^']+\.(?:pt|weights))'/,
    (file) =>
      `The weights ${file} are not there and could not be fetched. Give the path of a file, or --weights '' with --cfg.`,
  ),
  refused(
    /PytorchStreamReader failed|failed finding central directory|invalid load key|EOFError: Ran out of input|unexpected EOF, expected/,
    () => 'A file of weights is broken: it was not written or fetched to its end. Delete it and fetch it again.',
  ),
  refused(
    /either --cfg or --weights must be specified/,
    () => 'Give the model: --weights yolov5s.pt, or --cfg yolov5s.yaml.',
  ),
  refused(
    /batch[- _]size (\S+) (?:must be|not) (?:a )?multiple of (?:WORLD_SIZE|GPU count|CUDA device count)?/i,
    (size) => `The batch size ${size} is no multiple of the number of GPUs of a trial. Change --batch-size.`,
  ),
  refused(
    /AutoBatch[^\n]*(?:not compatible|--batch-size -1)[^\n]*(?:DDP|Multi-GPU)/,
    () => 'Two GPUs on one trial need a batch size: give --batch-size.',
  ),
  refused(
    /(?:CUDA unavailable, )?[Ii]nvalid (?:CUDA )?device|Invalid CUDA|insufficient CUDA devices/,
    () =>
      'It does not find the GPU that --device names. Look at nvidia-smi, and whether its PyTorch was built for CUDA.',
  ),
  refused(
    /unrecognized arguments: --local-rank/,
    () =>
      'The launcher of this PyTorch is too new for this release: train on one GPU per trial, or with PyTorch 1.13 or older.',
  ),
  refused(
    /module 'numpy' has no attribute '(int|float|bool|object)'/,
    (name) => `This release needs an older NumPy (np.${name} is gone since 1.24): pip install "numpy<1.24".`,
  ),
  refused(
    /result type Float can'?t be cast to the desired output type (?:__int64|long(?: int)?|Long)/,
    () =>
      'This release does not run with this PyTorch: it needs an older one (1.10 does), or take YOLOv5 v6.2 or newer.',
  ),
  refused(
    /'Upsample' object has no attribute 'recompute_scale_factor'/,
    () => 'This release does not run with this PyTorch: it needs 1.10 or older, or take a newer release.',
  ),
  refused(
    /a view of a leaf Variable that requires grad is being used in an in-place operation/,
    () => 'This release does not run with this PyTorch: it needs 1.7 or older, or take a newer release.',
  ),
  refused(
    /WeightsUnpickler error|Weights only load failed/,
    () => 'This release does not load weights with PyTorch 2.6 or newer: use an older PyTorch, or a newer release.',
  ),
  refused(
    /KeyError: '(lr0|lrf|momentum|weight_decay|warmup_\w+|box|giou|cls|cls_pw|obj|obj_pw|iou_t|anchor_t|fl_gamma|hsv_[hsv]|degrees|translate|scale|shear|perspective|flipud|fliplr|mosaic|mixup|copy_paste)'/,
    (key) =>
      `It reads the hyperparameter ${key}, which its hyp file does not have. Add it to the file given with --hyp.`,
  ),
  refused(
    /KeyError: 'anchors'|index \d+ is out of bounds for axis 0 with size \d+|Total of weights must be (?:greater than zero|finite)/,
    () =>
      'Its own evolution failed (its hyp file, evolve.txt or evolve.csv do not fit each other, or all fitness is alike). Hypevolve does not use it: leave --evolve out of the words after --.',
  ),
  message(
    /non-finite loss|nan loss detected/i,
    'diverged',
    () => 'The loss is no longer a finite number. Lower lr0 or the loss gains, or give the search tighter bounds.',
  ),
  message(
    /nothing to resume|training to \d+ epochs is finished/,
    'crash',
    () => 'The training that should go on had already finished.',
  ),
]

/** Also of a training that ended well, but without results. */
export function classifyYolo(
  _exit: Exit,
  output: readonly string[],
): { readonly failure: FailureClass; readonly reason: string } | undefined {
  const text = output.join('\n')
  if (/out of memory|OutOfMemoryError|Cannot allocate memory|DefaultCPUAllocator/i.test(text)) return undefined
  for (const { pattern, failure, reason } of messages) {
    const match = pattern.exec(text)
    if (match) return { failure, reason: reason(...(match.slice(1) as string[])) }
  }
  return undefined
}
