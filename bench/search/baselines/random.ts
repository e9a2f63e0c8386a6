// Random search at full length, the default first.
import type { Setting } from '../method.ts'
import { UnitCube } from '../unit-cube.ts'
import { drawsOf } from './draws.ts'

export function randomSearch(setting: Setting) {
  const cube = new UnitCube(setting.space)
  const random = drawsOf(setting)
  return {
    ask: (number: number) => ({
      hyp: number === 0 ? setting.space.start : cube.toHyp(cube.draw(() => random.random())),
      epochs: setting.epochs,
    }),
    tell: () => {},
  }
}
