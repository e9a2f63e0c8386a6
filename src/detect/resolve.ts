// Finds the yaml and cfg files that users name on the command line: their own first, else the packaged ones.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { FileNotResolvedError } from '../base/index.ts'
import { cachedWeights } from './assets/folder.ts'
import { findPreset, presetNames } from './presets.ts'

export type ResourceKind = 'model' | 'hyp' | 'data'

/** A resolved yaml: where it came from, and its text. */
export interface Resource {
  /** Path of a user's file, or the name of a packaged one, for messages. */
  readonly source: string
  /** Absolute path; undefined for packaged hyperparameters, which are no files of their own. */
  readonly path: string | undefined
  readonly text: string
}

const modelFolder = fileURLToPath(new URL('../../assets/models/', import.meta.url))

/** Yamls above this are not read: no model or hyp file comes near it. */
const maxBytes = 4 << 20

/**
 * Finds a yaml by the name a user gave: as a path seen from the current folder; else, by its base name, among the
 * packaged files, so that `models/yolov5n.yaml`, `data/hyps/hyp.scratch-low.yaml` and `yolov5n.yaml` work anywhere.
 *
 * @throws {@link FileNotResolvedError} with the places looked at
 */
export function resolveFile(kind: ResourceKind, name: string, cwd = process.cwd()): Resource {
  const path = resolve(cwd, name)
  const searched = [path]
  for (const candidate of /\.ya?ml$/i.test(name) ? [path] : [path, `${path}.yaml`]) {
    if (!isFile(candidate)) continue
    if (statSync(candidate).size > maxBytes) break
    return { source: name, path: candidate, text: readFileSync(candidate, 'utf8').replace(/^\uFEFF/, '') }
  }
  if (kind === 'model') {
    searched.push(`${modelFolder} (packaged)`)
    const known = packagedNames('model')
    const base = basename(name)
    const packaged = [base, `${base}.yaml`, `${base}.cfg`, base.replace(/\.yml$/i, '.yaml')].find((each) =>
      known.includes(each),
    )
    if (packaged !== undefined) {
      const file = `${modelFolder}${packaged}`
      return { source: name, path: file, text: readFileSync(file, 'utf8') }
    }
  }
  if (kind === 'hyp') {
    searched.push('the packaged presets')
    const preset = findPreset(name)
    if (preset) return { source: preset.name, path: undefined, text: JSON.stringify(preset.raw) }
  }
  throw new FileNotResolvedError(kind, name, searched, packagedNames(kind))
}

const weightsFolder = fileURLToPath(new URL('../../assets/weights/', import.meta.url))

/**
 * Path of a weights file: as seen from the current folder, else a packaged one by its base name, with or without
 * extension, else one that `ensureWeights` fetched earlier. A name that is found nowhere comes back as a path, for the reader's message.
 */
export function resolveWeights(name: string, cwd = process.cwd()): string {
  const path = resolve(cwd, name)
  if (isFile(path)) return path
  const packaged = `${weightsFolder}${basename(name).replace(/(\.safetensors)?$/i, '.safetensors')}`
  return isFile(packaged) ? packaged : (cachedWeights(name) ?? path)
}

/** Names of the packaged files of a kind, for help texts. */
export function packagedNames(kind: ResourceKind): string[] {
  if (kind === 'model') return readdirSync(modelFolder).sort()
  return kind === 'hyp' ? presetNames() : []
}

const isFile = (path: string) => existsSync(path) && statSync(path).isFile()
