// MixUp (Zhang et al., arXiv:1710.09412): two images laid over each other, with the labels of both.
import type { Random } from '../../base/index.ts'
import type { RgbImage } from './rgb.ts'
import type { Scratch } from './scratch.ts'

/** Draws the share of the first image; near one half. v7.0 augmentations.py, mixup. */
export const drawMixup = ({ numpy }: Random) => numpy.beta(32, 32)

/**
 * Mixes `other` into `image`, in place: image * share + other * (1 - share), fractions cut off.
 *
 * @param image - of `scratch`
 * @param other - of the same size
 */
export function mixInto(image: RgbImage, other: RgbImage, share: number, scratch: Scratch): void {
  const at = scratch.addressOf(image)
  scratch.kernels.mix(at, scratch.addressOf(other), at + image.data.length, share, 1 - share)
}
