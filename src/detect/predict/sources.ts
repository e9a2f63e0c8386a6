// What `--source` may name: images, videos, folders of them, patterns, lists.
import { existsSync, readdirSync, statSync } from 'node:fs'
import { extname, join, resolve } from 'node:path'
import { PredictSourceError } from '../../base/index.ts'
import { byCodePoint, isImage, listImages } from '../data/index.ts'
import { glob, isPattern } from './glob.ts'

/** A file to look at. */
export interface SourceFile {
  readonly kind: 'image' | 'video'
  readonly path: string
}

/** Extensions that v7.0 takes for videos. */
const videos = new Set(['asf', 'avi', 'gif', 'm4v', 'mkv', 'mov', 'mp4', 'mpeg', 'mpg', 'ts', 'wmv'])

const isVideo = (path: string) => videos.has(extname(path).slice(1).toLowerCase())

/**
 * The files that sources name, images first, each once, in order of their names.
 *
 * Source: yolov5 v7.0 utils/dataloaders.py, LoadImages; a folder means the files in it, not those of folders below.
 *
 * @throws {@link PredictSourceError} for what does not exist, holds nothing to look at, or is no file
 */
export function listSources(sources: readonly string[], cwd = process.cwd()): SourceFile[] {
  const files = new Set<string>()
  for (const source of sources) {
    const found = filesOf(source, cwd).filter((path) => isImage(path) || isVideo(path))
    if (found.length === 0)
      throw new PredictSourceError(
        source,
        'it names no image and no video. Give files, a folder, a pattern in quotes ("shots/**/*.jpg") or a list of paths (.txt).',
      )
    for (const path of found) files.add(path)
  }
  const sorted = [...files].sort(byCodePoint)
  return [
    ...sorted.filter(isImage).map((path) => ({ kind: 'image', path }) as const),
    ...sorted.filter((path) => !isImage(path)).map((path) => ({ kind: 'video', path }) as const),
  ]
}

function filesOf(source: string, cwd: string): string[] {
  const path = resolve(cwd, source)
  if (existsSync(path)) {
    if (statSync(path).isDirectory()) return readdirSync(path).map((name) => join(path, name))
    return extname(path).toLowerCase() === '.txt' ? listImages([path], cwd).filter((file) => existsSync(file)) : [path]
  }
  if (/^\d+$/.test(source) || source === 'screen' || source.endsWith('.streams'))
    throw new PredictSourceError(source, 'cameras, screens and streams are not read. Record a video or images first.')
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source))
    throw new PredictSourceError(source, 'addresses are not read. Save the file first, for example with curl -O.')
  if (isPattern(source)) return glob(source, cwd)
  throw new PredictSourceError(source, 'there is no such file or folder.')
}
