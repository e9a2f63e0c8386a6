// What may be fetched by name: the weights of the releases of YOLOv5 and YOLOv3, and from where. Nothing else is.
import { AssetAddressError } from '../../base/index.ts'

/** A file of a release. */
export interface KnownWeights {
  readonly name: string
  readonly address: string
  /** SHA-256 of the published file, hexadecimal; `undefined` where we do not know it. */
  readonly sha256: string | undefined
}

const yolov5 = 'https://github.com/ultralytics/yolov5/releases/download/v7.0/'
const yolov3 = 'https://github.com/ultralytics/yolov3/releases/download/v9.6.0/'

/** Checksums of the release's files. */
const yolov5Sums = {
  yolov5n: '4f180cf23ba0717ada0badd6c685026d73d48f184d00fc159c2641284b2ac0a3',
  yolov5s: '8b3b748c1e592ddd8868022e8732fde20025197328490623cc16c6f24d0782ee',
  yolov5m: '61d933360ba5a7733a36764996c800287d973889d875227f5beedd2473a97a56',
  yolov5l: '2f603b7354c25454d1270663a14d8ddc1eea98e5eebc1d84ce0c6e3150fa155f',
  yolov5x: '9f27a794fa0308e2606f90565164571d6f0a0ba18a3ce2e5e5d323b71c157859',
  yolov5n6: '496c05a2b991da15acc6c4408c63da287f2513a46c6756618776d4dd71170781',
  yolov5s6: '95bda9019ada63f37338308d0c81a66047a6fbaba061abaff271ba9334cf2a6f',
  yolov5m6: '7afe7fa0f29a8351467200a2a5a33c7996d1155ed6636c7edd8ca70b14951c64',
  yolov5l6: 'b357b77f646b0190912985937c44e2923441369d5fda69ba86da2aa919212618',
  yolov5x6: '257c991b216d625427dc4d9c7c76d6c6d93cf3732797538da34bdc02f97bfef0',
} as const

const weights: ReadonlyMap<string, KnownWeights> = new Map(
  [
    ...Object.entries(yolov5Sums).map(([model, sha256]) => ({ name: `${model}.pt`, base: yolov5, sha256 })),
    ...['yolov3', 'yolov3-spp', 'yolov3-tiny'].map((model) => ({
      name: `${model}.pt`,
      base: yolov3,
      sha256: undefined,
    })),
  ].map(({ name, base, sha256 }) => [name, { name, address: `${base}${name}`, sha256 }]),
)

/** Released weights of this name; a name with a folder is somebody's own file, never one of these. */
export const knownWeights = (name: string): KnownWeights | undefined => weights.get(name)

/** Under which terms the known weights are given. */
export const weightsLicence =
  "These weights are Ultralytics' work, under its licence AGPL-3.0 (https://ultralytics.com/license), not that of Hypevolve."

/**
 * Where a file is really fetched from: HYPEVOLVE_ASSETS_URL names a folder that has all of them, by their base names.
 *
 * @throws {@link AssetAddressError}
 */
export function sourceAddress(address: string, env: NodeJS.ProcessEnv = process.env): { url: URL; mirror: boolean } {
  const mirror = env['HYPEVOLVE_ASSETS_URL']
  if (!mirror) return { url: new URL(address), mirror: false }
  const base = URL.canParse(mirror) ? new URL(mirror) : undefined
  if (!base || !isWeb(base)) throw new AssetAddressError('HYPEVOLVE_ASSETS_URL', mirror)
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  base.pathname += baseName(new URL(address))
  return { url: base, mirror: true }
}

export const isWeb = (url: URL) => url.protocol === 'http:' || url.protocol === 'https:'

/** The last part of an address. */
export const baseName = (url: URL) => url.pathname.slice(url.pathname.lastIndexOf('/') + 1)

/** An address without what may be secret in it. */
export const shownAddress = (url: URL) => `${url.origin}${url.pathname}`

/** HYPEVOLVE_OFFLINE forbids to fetch anything. */
export const isOffline = (env: NodeJS.ProcessEnv = process.env) =>
  !['', '0', 'false'].includes(env['HYPEVOLVE_OFFLINE'] ?? '')
