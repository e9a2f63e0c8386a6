// The built-in data set of handwritten digits. Start with `ensureDigits`; `writeDigits` makes others of its kind, as for
// pretraining.
export {
  type DigitsSplit,
  digitsCounts,
  ensureDigits,
  labelText,
  type MakeDigitsOptions,
  makeDigits,
  type WriteDigitsOptions,
  writeDigits,
} from './data-set.ts'
export { type DigitBox, type DigitScene, makeScene, SCENE_PX, type SceneOptions } from './scene.ts'
export { type DigitPool, type DigitSheet, loadDigitSheet, pools } from './sheet.ts'
