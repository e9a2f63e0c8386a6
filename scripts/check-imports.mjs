// Checks the import rules of import-rules.mjs over src. Needs nothing installed.
//   node scripts/check-imports.mjs [folder that holds src, default: this repository]
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { folders, forbiddenText, heavyPackages, lightEntries } from './import-rules.mjs'

const root = resolve(process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url)))
const src = join(root, 'src')

/** @returns {string[]} absolute paths of the .ts files below a folder */
function sources(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts') ? [path] : []
  })
}

/** Source text without comments, so that an example in a comment is no import. */
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\//g, (c) => c.replace(/[^\n]/g, ' ')).replace(/(^|[^:'"`\\])\/\/[^\n]*/g, '$1')
}

/** @returns {{ specifier: string, dynamic: boolean, typeOnly: boolean, line: number }[]} */
function importsOf(text) {
  const found = []
  const lineOf = (index) => text.slice(0, index).split('\n').length
  const statement = /\b(?:import|export)\s+(type\s+)?(?:[\w*{}\s,$]+?\s+from\s+)?['"]([^'"]+)['"]/g
  for (const match of text.matchAll(statement))
    found.push({ specifier: match[2], dynamic: false, typeOnly: Boolean(match[1]), line: lineOf(match.index) })
  for (const match of text.matchAll(/\b(?:import|require)\(\s*['"]([^'"]+)['"]/g)) {
    const typeOnly = /\btypeof\s+$/.test(text.slice(0, match.index)) || /[:<|&]\s*$/.test(text.slice(0, match.index))
    found.push({ specifier: match[1], dynamic: true, typeOnly, line: lineOf(match.index) })
  }
  return found
}

const packageOf = (specifier) =>
  specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]
const insideSrc = (path) => relative(src, path).split(sep).join('/')
const folderOf = (inside) => (inside.includes('/') ? inside.slice(0, inside.indexOf('/')) : '.')

const problems = []
const report = (inside, line, text) => problems.push(`src/${inside}:${line}  ${text}`)

/** @type {Map<string, { specifier: string, dynamic: boolean, typeOnly: boolean, line: number, target?: string }[]>} */
const graph = new Map()
for (const path of sources(src)) {
  const inside = insideSrc(path)
  const text = withoutComments(readFileSync(path, 'utf8'))
  const imports = importsOf(text).map((entry) => {
    if (!entry.specifier.startsWith('.')) return entry
    const target = resolve(dirname(path), entry.specifier)
    return { ...entry, target }
  })
  graph.set(inside, imports)
  if (inside.endsWith('.test.ts')) continue

  const folder = folderOf(inside)
  const rule = folders[folder]
  if (!rule) {
    report(inside, 1, `the folder "${folder}" is not in scripts/import-rules.mjs`)
    continue
  }
  for (const { specifier, target, line } of imports) {
    if (!target) {
      const name = packageOf(specifier)
      const allowed = heavyPackages[name]
      if (allowed && !allowed.some((prefix) => inside.startsWith(prefix)))
        report(inside, line, `loads ${name}, which only ${allowed.join(', ')} may load`)
      continue
    }
    const targetInside = insideSrc(target)
    if (targetInside.startsWith('..')) {
      if (target !== join(root, 'package.json')) report(inside, line, `imports ${specifier}, which is outside src`)
      continue
    }
    if (!existsSync(target) || !statSync(target).isFile())
      report(inside, line, `imports ${specifier}, which does not exist`)
    const targetFolder = folderOf(targetInside)
    if (targetFolder === folder) continue
    const may = rule.may[targetFolder]
    if (!may) report(inside, line, `${folder} must not import ${targetFolder}: ${rule.why}`)
    else if (may !== true && !may.only.some((prefix) => inside.slice(folder.length + 1).startsWith(prefix)))
      report(
        inside,
        line,
        `only ${may.only.map((p) => `${folder}/${p}`).join(', ')} may import ${targetFolder}: ${rule.why}`,
      )
    if (targetInside !== `${targetFolder}/index.ts`)
      report(inside, line, `imports ${specifier}; across folders only ${targetFolder}/index.ts may be imported`)
  }
  for (const { pattern, why } of forbiddenText[folder] ?? []) {
    const match = pattern.exec(text)
    if (match) report(inside, text.slice(0, match.index).split('\n').length, `has "${match[0]}": ${why}`)
  }
}

for (const entry of lightEntries) {
  if (!graph.has(entry)) continue
  const cameFrom = new Map([[entry, undefined]])
  const queue = [entry]
  for (const inside of queue) {
    for (const { specifier, target, dynamic, typeOnly, line } of graph.get(inside) ?? []) {
      if (dynamic || typeOnly) continue
      if (!target) {
        if (!(packageOf(specifier) in heavyPackages)) continue
        const chain = []
        for (let at = inside; at !== undefined; at = cameFrom.get(at)) chain.unshift(at)
        report(inside, line, `${chain.join(' -> ')} loads ${specifier} when src/${entry} is imported`)
        continue
      }
      const next = insideSrc(target)
      if (!cameFrom.has(next)) {
        cameFrom.set(next, inside)
        queue.push(next)
      }
    }
  }
}

if (problems.length > 0) {
  console.error(problems.sort().join('\n'))
  console.error(
    `\n${problems.length} import rule${problems.length === 1 ? '' : 's'} broken (docs/architecture.md has the drawing)`,
  )
  process.exitCode = 1
} else {
  console.log(`import rules hold in ${graph.size} files`)
}
