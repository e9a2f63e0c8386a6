// MixUp (Zhang et al., arXiv:1710.09412): two images laid over each other, with the labels of both.
import type { Random } from '../../base/index.ts'
import type { RgbImage } from './rgb.ts'

/** Draws the share of the first image; near one half. v7.0 augmentations.py, mixup. */
export const drawMixup = ({ numpy }: Random) => numpy.beta(32, 32)

/**
 * Mixes `other` into `image`, in place: image * share + other * (1 - share), fractions cut off.
 *
 * @param other - of the same size
 */
export function mixInto(image: RgbImage, other: RgbImage, share: number): void {
  const own = Float64Array.from({ length: 256 }, (_, value) => value * share)
  const foreign = Float64Array.from({ length: 256 }, (_, value) => value * (1 - share))
  const { data } = image
  const { data: added } = other
  for (let i = 0; i < data.length; i++) data[i] = own[data[i]] + foreign[added[i]]
}
