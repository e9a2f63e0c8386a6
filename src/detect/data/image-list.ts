// From folders and text lists to image paths, and from an image path to its label path.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, extname, join, resolve, sep } from 'node:path'

/** Extensions that v7.0 takes for images. */
const EXTENSIONS = new Set(['bmp', 'dng', 'jpeg', 'jpg', 'mpo', 'png', 'tif', 'tiff', 'webp', 'pfm'])

/** Whether the name is that of an image. */
export const isImage = (path: string): boolean => EXTENSIONS.has(extname(path).slice(1).toLowerCase())

/**
 * All images of some places, absolute, sorted by code point, each once.
 *
 * A folder is searched with all folders below it (hidden ones left out); a text file has one path per line, where `./`
 * means the text file's folder and other relative paths start from `root`, the text file's folder or the current one; an
 * image is taken as it is. Files listed in a text that do not exist are returned too: the scan reports them.
 */
export function listImages(places: readonly string[], root: string): string[] {
  const images = new Set<string>()
  for (const place of places) {
    if (statSync(place).isDirectory()) for (const path of listFiles(place, isImage)) images.add(path)
    else if (isImage(place)) images.add(resolve(place))
    else for (const path of readList(place, root)) images.add(path)
  }
  return [...images].sort(byCodePoint)
}

/** The files below a folder that `accept` takes, absolute, in no order. Hidden files and folders are left out. */
export function listFiles(folder: string, accept: (path: string) => boolean): string[] {
  const files: string[] = []
  const visited = new Set<string>()
  const visit = (folder: string) => {
    const real = realpathSync(folder)
    if (visited.has(real)) return // a link that leads back
    visited.add(real)
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const path = join(folder, entry.name)
      const isFolder =
        entry.isDirectory() || (entry.isSymbolicLink() && statSync(path, { throwIfNoEntry: false })?.isDirectory())
      if (isFolder) visit(path)
      else if (accept(path)) files.push(path)
    }
  }
  visit(resolve(folder))
  return files
}

function readList(file: string, root: string): string[] {
  const folder = dirname(resolve(file))
  return readFileSync(file, 'utf8')
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && isImage(line))
    .map((line) => {
      if (line.startsWith('./')) return resolve(folder, line)
      const places = [root, folder, process.cwd()].map((base) => resolve(base, line))
      return places.find((path) => existsSync(path)) ?? places[0]
    })
}

/** Order of paths. Python sorts by code point; JavaScript's default order differs for characters beyond U+FFFF. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x === y) continue
    const surrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff
    if (surrogate(x) !== surrogate(y)) return surrogate(x) ? 1 : -1
    return x - y
  }
  return a.length - b.length
}

/** The label file of an image: the last /images/ of the path becomes /labels/, the extension .txt. */
export function labelPath(image: string): string {
  const folder = `${sep}images${sep}`
  const at = image.lastIndexOf(folder)
  const moved = at < 0 ? image : `${image.slice(0, at)}${sep}labels${sep}${image.slice(at + folder.length)}`
  const extension = extname(moved)
  return `${extension ? moved.slice(0, -extension.length) : moved}.txt`
}
