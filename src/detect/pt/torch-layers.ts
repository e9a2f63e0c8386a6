// Layers as PyTorch keeps them in a checkpoint: the class by its public name, its settings, tensors and children.
// The attributes are those of PyTorch 1.13; older releases ignore what they do not know, newer ones add what they miss.
import { PtHalfRangeError } from '../../base/index.ts'
import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, toHalf, type WeightTensor } from '../../nn/index.ts'
import { PyCall, PyFloat, PyGlobal, PyObject, PyReference, PyTuple, type PyValue } from './pickle.ts'

export interface ModuleParts {
  readonly parameters?: readonly (readonly [name: string, tensor: PyValue])[]
  readonly buffers?: readonly (readonly [name: string, tensor: PyValue])[]
  readonly children?: readonly (readonly [name: string, module: PyObject])[]
  readonly attributes?: readonly (readonly [name: string, value: PyValue])[]
}

const orderedDict = new PyGlobal('collections.OrderedDict')
const ordered = (items: readonly (readonly [PyValue, PyValue])[] = []) => new PyCall(orderedDict, new PyTuple(), items)

/** An object of a subclass of torch.nn.Module. */
export function torchModule(className: string, parts: ModuleParts = {}): PyObject {
  const { parameters, buffers, children, attributes = [] } = parts
  return new PyObject(
    new PyGlobal(className),
    new Map<PyValue, PyValue>([
      ['training', false],
      ['_parameters', ordered(parameters)],
      ['_buffers', ordered(buffers)],
      ['_non_persistent_buffers_set', new PyCall(new PyGlobal('__builtin__.set'), new PyTuple([]))],
      ['_backward_hooks', ordered()],
      ['_is_full_backward_hook', null],
      ['_forward_hooks', ordered()],
      ['_forward_pre_hooks', ordered()],
      ['_state_dict_hooks', ordered()],
      ['_load_state_dict_pre_hooks', ordered()],
      ['_load_state_dict_post_hooks', ordered()],
      ['_modules', ordered(children)],
      ...attributes,
    ]),
  )
}

/** Numbers of all tensors, in the order in which they are referred to. */
export class TensorWriter {
  readonly contents: Uint8Array[] = []

  constructor(private readonly half: boolean) {}

  /** A trained tensor, in the precision of the checkpoint. @throws {@link PtHalfRangeError} */
  parameter(name: string, { shape, data }: WeightTensor): PyValue {
    return new PyCall(
      new PyGlobal('torch._utils._rebuild_parameter'),
      new PyTuple(this.floats(shape, data, this.half ? name : undefined), false, ordered()),
    )
  }

  /** A tensor that is not trained, in the precision of the checkpoint. @throws {@link PtHalfRangeError} */
  buffer(name: string, { shape, data }: WeightTensor): PyValue {
    return this.floats(shape, data, this.half ? name : undefined)
  }

  /** A tensor in float32, whatever the precision of the checkpoint. */
  exact(shape: readonly number[], data: Float32Array): PyValue {
    return this.floats(shape, data, undefined)
  }

  /** A whole number. */
  long(value: number): PyValue {
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true)
    return this.tensor('LongStorage', [], bytes, 1)
  }

  /** @param halfName - name of the weight, if it is rounded to half precision */
  private floats(shape: readonly number[], data: Float32Array, halfName: string | undefined): PyValue {
    const width = halfName === undefined ? 4 : 2
    const bytes = new Uint8Array(data.length * width)
    const view = new DataView(bytes.buffer)
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!
      if (halfName === undefined) view.setFloat32(4 * i, value, true)
      else {
        const half = toHalf(value)
        if ((half & 0x7fff) === 0x7c00 && Number.isFinite(value)) throw new PtHalfRangeError(halfName, value)
        view.setUint16(2 * i, half, true)
      }
    }
    return this.tensor(halfName === undefined ? 'FloatStorage' : 'HalfStorage', shape, bytes, data.length)
  }

  private tensor(storage: string, shape: readonly number[], bytes: Uint8Array, length: number): PyValue {
    const key = String(this.contents.length)
    this.contents.push(bytes)
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, side) => product * side, 1))
    return new PyCall(
      new PyGlobal('torch._utils._rebuild_tensor_v2'),
      new PyTuple(
        new PyReference(new PyTuple('storage', new PyGlobal(`torch.${storage}`), key, 'cpu', length)),
        0,
        new PyTuple(...shape),
        new PyTuple(...strides),
        false,
        ordered(),
      ),
    )
  }
}

/** Geometry of a convolution. */
export interface ConvGeometry {
  readonly stride: number
  readonly padding: readonly [number, number]
  readonly dilation: number
  readonly groups: number
}

export function conv2d(
  tensors: TensorWriter,
  name: string,
  weight: WeightTensor,
  bias: WeightTensor | undefined,
  { stride, padding: [rows, columns], dilation, groups }: ConvGeometry,
): PyObject {
  const [out, into, height, width] = weight.shape as [number, number, number, number]
  return torchModule('torch.nn.modules.conv.Conv2d', {
    parameters: [
      ['weight', tensors.parameter(`${name}.weight`, weight)],
      ['bias', bias ? tensors.parameter(`${name}.bias`, bias) : null],
    ],
    attributes: [
      ['in_channels', into * groups],
      ['out_channels', out],
      ['kernel_size', new PyTuple(height, width)],
      ['stride', new PyTuple(stride, stride)],
      ['padding', new PyTuple(rows, columns)],
      ['dilation', new PyTuple(dilation, dilation)],
      ['transposed', false],
      ['output_padding', new PyTuple(0, 0)],
      ['groups', groups],
      ['padding_mode', 'zeros'],
      // Per side, the last axis first.
      ['_reversed_padding_repeated_twice', new PyTuple(columns, columns, rows, rows)],
    ],
  })
}

export function batchNorm2d(tensors: TensorWriter, name: string, get: (name: string) => WeightTensor): PyObject {
  const weight = get(`${name}.weight`)
  const parameter = (key: string) => [key, tensors.parameter(`${name}.${key}`, get(`${name}.${key}`))] as const
  const buffer = (key: string) => [key, tensors.buffer(`${name}.${key}`, get(`${name}.${key}`))] as const
  return torchModule('torch.nn.modules.batchnorm.BatchNorm2d', {
    parameters: [parameter('weight'), parameter('bias')],
    buffers: [buffer('running_mean'), buffer('running_var'), ['num_batches_tracked', tensors.long(0)]],
    attributes: [
      ['num_features', weight.shape[0]!],
      ['eps', BATCH_NORM_EPSILON],
      ['momentum', BATCH_NORM_MOMENTUM],
      ['affine', true],
      ['track_running_stats', true],
    ],
  })
}

export const maxPool2d = (kernel: number): PyObject =>
  torchModule('torch.nn.modules.pooling.MaxPool2d', {
    attributes: [
      ['kernel_size', kernel],
      ['stride', 1],
      ['padding', Math.floor(kernel / 2)],
      ['dilation', 1],
      ['return_indices', false],
      ['ceil_mode', false],
    ],
  })

/** Attributes of a layer that repeats cells. */
export const upsampleAttributes = (factor: number): ModuleParts['attributes'] => [
  ['name', 'Upsample'],
  ['size', null],
  ['scale_factor', new PyFloat(factor)],
  ['mode', 'nearest'],
  ['align_corners', null],
  ['recompute_scale_factor', null],
]

/** Modules in a row, or a list of them, called '0', '1', … */
export const moduleList = (kind: 'Sequential' | 'ModuleList', modules: readonly PyObject[]): PyObject =>
  torchModule(`torch.nn.modules.container.${kind}`, {
    children: modules.map((module, index) => [String(index), module] as const),
  })
