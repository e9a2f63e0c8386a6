// The matrix of v7.0's random_perspective, from its random draws.
import type { Random } from '../../base/index.ts'
import type { AugmentHyp } from './types.ts'

/** 3 x 3, row by row; maps source to result pixels. */
export type Matrix = readonly number[]

/** The part of the hyps that moves pixels. */
export type PerspectiveHyp = Pick<AugmentHyp, 'degrees' | 'translate' | 'scale' | 'shear' | 'perspective'>

/** The eight draws of random_perspective in the order they are made. */
export interface PerspectiveDraws {
  readonly perspectiveX: number
  readonly perspectiveY: number
  readonly angleDegrees: number
  readonly scale: number
  readonly shearXDegrees: number
  readonly shearYDegrees: number
  /** Fractions of the result's size. */
  readonly translateX: number
  readonly translateY: number
}

/** Draws a perspective; the order is part of the contract (golden items depend on it). */
export function drawPerspective(hyp: PerspectiveHyp, { python }: Random): PerspectiveDraws {
  const around = (centre: number, spread: number) => python.uniform(centre - spread, centre + spread)
  return {
    perspectiveX: python.uniform(-hyp.perspective, hyp.perspective),
    perspectiveY: python.uniform(-hyp.perspective, hyp.perspective),
    angleDegrees: python.uniform(-hyp.degrees, hyp.degrees),
    scale: around(1, hyp.scale),
    shearXDegrees: python.uniform(-hyp.shear, hyp.shear),
    shearYDegrees: python.uniform(-hyp.shear, hyp.shear),
    translateX: around(0.5, hyp.translate),
    translateY: around(0.5, hyp.translate),
  }
}

/**
 * M = T S R P C: the source's centre to the origin, perspective, rotation with scale, shear, shift to the result.
 * v7.0 augmentations.py, random_perspective.
 *
 * @param source - [height, width] of the image
 * @param result - [height, width] of the warped one
 */
export function perspectiveMatrix(
  draws: PerspectiveDraws,
  source: readonly [number, number],
  result: readonly [number, number],
): Matrix {
  const radians = Math.PI / 180
  const cos = Math.cos(draws.angleDegrees * radians) * draws.scale
  const sin = Math.sin(draws.angleDegrees * radians) * draws.scale
  const centre = [1, 0, -source[1] / 2, 0, 1, -source[0] / 2, 0, 0, 1]
  const perspective = [1, 0, 0, 0, 1, 0, draws.perspectiveX, draws.perspectiveY, 1]
  const rotation = [cos, sin, 0, -sin, cos, 0, 0, 0, 1]
  const shear = [
    ...[1, Math.tan((draws.shearXDegrees * Math.PI) / 180), 0],
    ...[Math.tan((draws.shearYDegrees * Math.PI) / 180), 1, 0],
    ...[0, 0, 1],
  ]
  const translation = [1, 0, draws.translateX * result[1], 0, 1, draws.translateY * result[0], 0, 0, 1]
  return [shear, rotation, perspective, centre].reduce(multiply, translation)
}

function multiply(a: Matrix, b: Matrix): number[] {
  const out: number[] = []
  for (let i = 0; i < 9; i += 3)
    for (let j = 0; j < 3; j++) out.push(a[i] * b[j] + a[i + 1] * b[j + 3] + a[i + 2] * b[j + 6])
  return out
}

export const isIdentity = (m: Matrix) => m.every((value, i) => value === (i % 4 === 0 ? 1 : 0))
