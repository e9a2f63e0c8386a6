// The table of layers that a training prints, and the size of a model.
import { known, Scope } from '../../nn/index.ts'
import { imageSide } from '../modules/index.ts'
import { buildDetector } from './build.ts'
import type { ModelDefinition } from './definition.ts'

export interface ModelSummary {
  /** Modules as PyTorch counts them: containers and pools included, one activation shared by all. */
  readonly layers: number
  /** Trained numbers. */
  readonly parameters: number
  /** 10^9 operations per image: two for every multiply-add of the convolutions. */
  readonly gflops: number
  /** One line per row of the yaml, under a heading. */
  readonly table: readonly string[]
  /** 'yolov5n summary: 214 layers, …' */
  readonly text: string
}

/** @param imagePx - side of the image for which operations are counted, default 640 */
export function summarise(definition: ModelDefinition, imagePx = 640): ModelSummary {
  const scope = Scope.train()
  buildDetector(scope, definition, scope.image('image', 1, imageSide, imageSide))

  const perRow = new Map<string, number>()
  const paths = new Set<string>()
  let parameters = 0
  for (const { name, shape, group } of scope.declarations) {
    const parts = name.split('.')
    for (let length = 0; length < parts.length; length++) paths.add(parts.slice(0, length).join('.'))
    if (group === 'buffer') continue
    const count = shape.reduce((a, b) => a * b, 1)
    parameters += count
    perRow.set(parts[1]!, (perRow.get(parts[1]!) ?? 0) + count)
  }

  const table = [
    `${''.padStart(3)}${'from'.padStart(18)}${'n'.padStart(3)}${'params'.padStart(10)}  ${'module'.padEnd(14)}arguments`,
  ]
  let silent = 1 // the activation
  for (const { index, shownFrom, module, repeats, layer } of definition.layers) {
    if (!paths.has(`${definition.prefix}.${index}`)) silent++
    silent += layer.silentModules ?? 0
    const count = perRow.get(String(index)) ?? 0
    const cells = [
      String(index).padStart(3),
      shown(shownFrom).padStart(18),
      String(repeats).padStart(3),
      String(count).padStart(10),
    ]
    table.push(`${cells.join('')}  ${module.padEnd(14)}${shown(layer.shownArgs)}`)
  }

  let multiplyAdds = 0
  for (const { op, inputs, outputs } of scope.graph.nodes) {
    if (op.name !== 'Conv' && op.name !== 'ConvBias') continue
    const [, inChannels, height, width] = inputs[1]!.shape.map(known)
    const positions = outputs[0]!.shape.map(known).reduce((a, b) => a * b, 1)
    multiplyAdds += positions * inChannels! * height! * width!
  }
  const gflops = (2 * multiplyAdds * (imagePx / imageSide) ** 2) / 1e9
  const layers = paths.size + silent
  const name = definition.source.replace(/^.*[/\\]/, '').replace(/\.(ya?ml|cfg)$/i, '')
  const text = `${name} summary: ${layers} layers, ${parameters} parameters, ${gflops.toFixed(1)} GFLOPs at ${imagePx} px`
  return { layers, parameters, gflops, table, text }
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return value === null ? 'None' : String(value)
}
