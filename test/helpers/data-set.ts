// Small data sets on disk for tests: pictures with coloured rectangles and their label files.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import sharp from 'sharp'
import { onTestFinished } from 'vitest'

/** A folder that is removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes a file and the folders above it. */
export function writeText(file: string, text: string | Uint8Array): string {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  return file
}

/** RGB noise that depends on nothing but its arguments. */
export function noise(width: number, height: number, seed: number): Uint8Array {
  let state = (seed + 1) * 2654435761
  return Uint8Array.from({ length: 3 * width * height }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state >>> 24
  })
}

/** An image file of noise; the extension says in which format. */
export async function writeImage(file: string, width: number, height: number, seed: number): Promise<string> {
  mkdirSync(dirname(file), { recursive: true })
  await sharp(noise(width, height, seed), { raw: { width, height, channels: 3 } }).toFile(file)
  return file
}

/**
 * A data set of `train` and `val` images with two labels each, and its yaml.
 *
 * @returns path of the yaml
 */
export async function writeDataset(root: string, train = 7, val = 3): Promise<string> {
  for (const [split, count] of [
    ['train', train],
    ['val', val],
  ] as const)
    for (let i = 0; i < count; i++) {
      const name = `${String(i).padStart(3, '0')}`
      await writeImage(join(root, 'images', split, `${name}.png`), 40 + 6 * i, 64 - 4 * (i % 5), i)
      writeText(join(root, 'labels', split, `${name}.txt`), `0 0.5 0.5 0.4 0.5\n${i % 2} 0.3 0.6 0.2 0.3\n`)
    }
  return writeText(join(root, 'data.yaml'), 'path: .\ntrain: images/train\nval: images/val\nnames: [a, b]\n')
}

/** A small file system of its own (Linux, root), removed when the test ends. */
export function mountedFolder(size: string): string {
  const folder = temporaryFolder()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder])
  onTestFinished(() => void execFileSync('umount', [folder]))
  return folder
}

/** Whether {@link mountedFolder} works here. */
export function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const folder = mkdtempSync(join(tmpdir(), 'hypevolve-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32k', 'tmpfs', folder], { stdio: 'ignore' })
    execFileSync('umount', [folder])
    return true
  } catch {
    return false
  } finally {
    rmdirSync(folder)
  }
}
