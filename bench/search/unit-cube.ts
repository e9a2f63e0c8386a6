// Hyps as points of the unit cube, for random draws and for the baselines. Not the mapping of src: what is compared with
// the samplers of src shares nothing with them.
import { type Hyp, type HypValue, type Parameter, SearchSpace } from '../../src/search/index.ts'

/** A point: one number in [0, 1] for each key, also for those that the hyp does not have. */
export type Point = readonly number[]

export class UnitCube {
  readonly space: SearchSpace
  readonly dimensions: number
  /** How many choices a dimension has; 0 where it is a number. */
  readonly choices: readonly number[]

  constructor(space: SearchSpace) {
    this.space = space
    this.dimensions = space.keys.length
    this.choices = space.parameters.map((parameter) => (parameter.kind === 'choice' ? parameter.choices.length : 0))
  }

  toHyp(point: Point): Hyp {
    return this.space.toHyp(this.space.parameters.map((parameter, i) => valueAt(parameter, point[i])))
  }

  /** The point of a hyp; the start's coordinate where the hyp lacks a key. */
  toPoint(hyp: Hyp): Point {
    return this.space.toValues(hyp).map((value, i) => positionOf(this.space.parameters[i], value))
  }

  /** Evenly drawn: in the logarithm where the space says so, whole numbers and choices each equally often. */
  draw(random: () => number): Point {
    return Array.from({ length: this.dimensions }, random)
  }
}

/** The same space, begun elsewhere. Hyperparameters that the start lacks keep their own starts. */
export function startingAt(space: SearchSpace, start: Hyp): SearchSpace {
  const parameters = space.keys.map((key, i): [string, Parameter] => {
    const parameter = space.parameters[i]
    return [key, Object.hasOwn(start, key) ? ({ ...parameter, start: start[key] } as Parameter) : parameter]
  })
  return new SearchSpace(Object.fromEntries(parameters))
}

/** Whole numbers get half a step more on both sides, so that the outermost are as likely as the others. */
function limits(parameter: Extract<Parameter, { kind: 'float' | 'integer' }>): [lower: number, upper: number] {
  const { lower, upper, kind, log } = parameter
  const more = kind === 'integer' ? 0.5 : 0
  return log ? [Math.log(lower - more), Math.log(upper + more)] : [lower - more, upper + more]
}

function valueAt(parameter: Parameter, u: number): HypValue {
  switch (parameter.kind) {
    case 'fixed':
      return parameter.start
    case 'choice':
      return parameter.choices[Math.min(parameter.choices.length - 1, Math.floor(u * parameter.choices.length))]
    case 'range':
      throw new Error('the spaces of the bench have no gains')
    default: {
      const [low, high] = limits(parameter)
      const position = low + u * (high - low)
      return parameter.log ? Math.exp(position) : position // toHyp rounds and clips
    }
  }
}

function positionOf(parameter: Parameter, value: HypValue): number {
  switch (parameter.kind) {
    case 'fixed':
      return 0.5
    case 'choice':
      return (parameter.choices.indexOf(value) + 0.5) / parameter.choices.length
    case 'range':
      throw new Error('the spaces of the bench have no gains')
    default: {
      const [low, high] = limits(parameter)
      if (low === high) return 0.5
      const position = parameter.log ? Math.log(Number(value)) : Number(value)
      return Math.min(1, Math.max(0, (position - low) / (high - low)))
    }
  }
}
