// Images that belong together and must not be torn apart by a split: frames of a video, photographs of one folder.
import { dirname } from 'node:path/posix'

/** `folder`, `video`, or a pattern whose first group (else all that it matches) names the group. */
export type GroupRule = 'folder' | 'video' | RegExp

/**
 * Name of the group that an image belongs to; undefined if the rule says nothing of it.
 *
 * @param path - seen from the data set's folder, with forward slashes
 */
export function groupOf(path: string, rule: GroupRule): string | undefined {
  if (rule === 'folder') return dirname(path)
  if (rule === 'video') return videoOf(path)
  const found = rule.exec(path)
  return found ? (found[1] ?? found[0]) : undefined
}

/**
 * The video that a frame is from, by the usual names of frames: `clip_000123.jpg`, `clip-frame12.jpg`, `clip.mp4_12.png`,
 * `clip (12).jpg`; where a name is a number alone, the folder is the video. A file without a number is its own group.
 */
function videoOf(path: string): string | undefined {
  const stem = path.slice(dirname(path) === '.' ? 0 : dirname(path).length + 1).replace(/\.[^.]*$/, '')
  const number = /[\s_.-]*\(?(?:frame|img|image|f)?[\s_.-]*\d+\)?$/i.exec(stem)
  if (!number) return undefined
  const name = stem.slice(0, number.index)
  return name === '' ? dirname(path) : `${dirname(path)}/${name}`
}
