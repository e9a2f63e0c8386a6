// Messages as YOLOv5, YOLOv3 and PyTorch print them.
import { describe, expect, it } from 'vitest'
import { classifyYolo } from './yolov5-failures.ts'

const classify = (text: string) => classifyYolo({ code: 1, signal: null }, text.split('\n'))

const cases: readonly [string, string][] = [
  [
    "WARNING: Dataset not found, nonexistent paths: ['/data/coco/val2017.txt']\nException: Dataset not found.",
    "The images of the data set are not there: ['/data/coco/val2017.txt']",
  ],
  [
    "Dataset not found ⚠️, missing paths ['/datasets/mine/images/val']\nException: Dataset not found ❌",
    "The images of the data set are not there: ['/datasets/mine/images/val']",
  ],
  [
    'Exception: train: Error loading data from /d: train: No images found in /d/images',
    'There are no images in /d/images',
  ],
  [
    'AssertionError: train: No labels in /d/labels/train.cache. Can not train without labels. See https://x',
    'No image has labels (/d/labels/train.cache)',
  ],
  ['AssertionError: train: No labels found in /d/train.cache, can not start training. See x', 'No image has labels'],
  [
    'AssertionError: Label class 7 exceeds nc=3 in data.yaml. Possible class labels are 0-2',
    'A label has class 7, but the data yaml has fewer classes',
  ],
  ['AssertionError: non-normalized or out of bounds coordinate labels', 'Labels are out of their bounds'],
  ['AssertionError: 2 names found for nc=3 dataset in d.yaml', 'The data yaml has 2 names, but nc: 3.'],
  [
    'AssertionError: d.yaml nc=2 classes but models/yolov5s.yaml nc=80 classes',
    'The data has 2 classes, the model models/yolov5s.yaml has 80',
  ],
  ['AssertionError: File not found: nowhere.yaml', 'There is no file nowhere.yaml.'],
  ['AssertionError: File Not Found: cfg/x.cfg', 'There is no file cfg/x.cfg.'],
  ['AssertionError: File not found /d/images. See https://x', 'There is no file /d/images.'],
  ["FileNotFoundError: [Errno 2] No such file or directory: 'yolov5s.pt'", 'The weights yolov5s.pt are not there'],
  [
    'RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory',
    'A file of weights is broken',
  ],
  ["_pickle.UnpicklingError: invalid load key, '<'.", 'A file of weights is broken'],
  ['AssertionError: either --cfg or --weights must be specified', 'Give the model'],
  ['AssertionError: --batch-size 7 must be multiple of WORLD_SIZE', 'The batch size 7 is no multiple'],
  ['AssertionError: batch-size 7 not multiple of GPU count 2', 'The batch size 7 is no multiple'],
  [
    'AssertionError: AutoBatch with --batch-size -1 is not compatible with YOLOv5 Multi-GPU DDP training, please pass a valid --batch-size',
    'Two GPUs on one trial need a batch size',
  ],
  ['AssertionError: CUDA unavailable, invalid device 0 requested', 'It does not find the GPU'],
  [
    "AssertionError: Invalid CUDA '--device 4' requested, use '--device cpu' or pass valid CUDA device(s)",
    'It does not find the GPU',
  ],
  ['AssertionError: insufficient CUDA devices for DDP command', 'It does not find the GPU'],
  ['train.py: error: unrecognized arguments: --local-rank=0', 'The launcher of this PyTorch is too new'],
  ["AttributeError: module 'numpy' has no attribute 'int'.", 'needs an older NumPy (np.int is gone since 1.24)'],
  [
    "RuntimeError: result type Float can't be cast to the desired output type long int",
    'needs an older one (1.10 does)',
  ],
  [
    "RuntimeError: result type Float can't be cast to the desired output type __int64",
    'needs an older one (1.10 does)',
  ],
  ["AttributeError: 'Upsample' object has no attribute 'recompute_scale_factor'", 'needs 1.10 or older'],
  [
    'RuntimeError: a view of a leaf Variable that requires grad is being used in an in-place operation.',
    'needs 1.7 or older',
  ],
  ['_pickle.UnpicklingError: Weights only load failed.', 'does not load weights with PyTorch 2.6'],
  ["KeyError: 'copy_paste'", 'It reads the hyperparameter copy_paste'],
  [
    '    check_font()  # download TTF if necessary\n  File "/usr/lib/python3.11/urllib/request.py", line 1351\nurllib.error.URLError: <urlopen error [Errno -2] Name or service not known>',
    'It fetches the font Arial.ttf',
  ],
  [
    'Downloading https://ultralytics.com/assets/Arial.Unicode.ttf to /home/me/.config/Ultralytics/Arial.Unicode.ttf...\nTraceback\nurllib.error.URLError: <urlopen error timed out>',
    'It fetches the font Arial.Unicode.ttf',
  ],
]

describe('classifyYolo', () => {
  it.each(cases)('%s', (output, reason) => {
    expect(classify(output)).toEqual({ failure: 'bad-configuration', reason: expect.stringContaining(reason) })
  })

  it('knows a loss that is no number, and a training that was at its end', () => {
    expect(classify('WARNING: non-finite loss, ending training  tensor([nan])')?.failure).toBe('diverged')
    expect(classify('AssertionError: last.pt training to 3 epochs is finished, nothing to resume.')?.failure).toBe(
      'crash',
    )
  })

  it('leaves memory and everything unknown to others', () => {
    expect(classify('RuntimeError: CUDA out of memory. Tried to allocate 20.00 MiB\nDataset not found')).toBeUndefined()
    expect(classify('RuntimeError: cuDNN error: CUDNN_STATUS_EXECUTION_FAILED')).toBeUndefined()
    expect(classify('')).toBeUndefined()
  })
})
