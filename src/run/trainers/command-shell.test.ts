import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { UsageError } from '../../base/index.ts'
import type { CommandFacts } from './command-line.ts'
import { shellCommand } from './command-shell.ts'

const facts: CommandFacts = {
  hyp: "/a study/it's/hyp.yaml",
  epochs: 3,
  out: '/out',
  device: '',
  seed: 0,
  trial: 1,
  attempt: 1,
  imgsz: 32,
  threads: 1,
  resume: '',
}

/** What a real shell makes of a line. */
function run(line: string, value = 'none'): string {
  const { words, env } = shellCommand(line, facts, { name: value })
  return execFileSync(words[0]!, words.slice(1), { encoding: 'utf8', env: { ...process.env, ...env } })
}

it('is a line for the shell, with pipes and variables', () => {
  expect(run(`x=7; echo {epochs} "$\{x}" $((1+1)) | sed s/3/three/ && echo done # {hyp} isn't read\necho {hyp}`)).toBe(
    `three 7 2\ndone\n${facts.hyp}\n`,
  )
})

it.each([
  ['printf "%s|" a {hyp.name} b', 'a|V|b|'],
  ['printf "%s|" --name={hyp.name}.x', '--name=V.x|'],
  ['printf "%s|" "a {hyp.name} b"', 'a V b|'],
  ["printf '%s|' 'a {hyp.name} b'", 'a V b|'],
  [`printf '%s|' "it's {hyp.name}" 'say "{hyp.name}"'`, `it's V|say "V"|`],
  ['printf "%s|" "$(printf "%s" {hyp.name})" $(printf "(%s)" "{hyp.name}" >/dev/null; echo {trial})', 'V|1|'],
  ['(printf "%s|" {hyp.name}; (printf "%s" "{hyp.name}"))', 'V|V'],
  ['printf "%s|" {{hyp.name}} "\\"{hyp.name}" \\\'{hyp.name} [{device}]', '{hyp.name}|"V|\'V|[]|'],
])('gives %s the value as it is, whatever it is', (line, wanted) => {
  const odd = [
    'lr',
    '',
    'a  b',
    "it's",
    '"',
    '$HOME',
    '`date`',
    '$(date)',
    '; exit 3',
    '\\',
    '*',
    '#',
    '&',
    '{hyp}',
    '-n',
    'ü🚀',
    '\n x',
  ]
  for (const value of odd) expect(run(line, value), value).toBe(wanted.replaceAll('V', () => value))
})

it('runs no value in whatever line it stands', () => {
  const piece = fc.constantFrom(
    '{hyp.name}',
    '"',
    "'",
    '$(',
    ')',
    '(',
    '\\',
    ' ',
    '`',
    '#',
    '\n',
    'echo ',
    ';',
    '|',
    '{',
    '}',
    '$',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const { words, env } = shellCommand(pieces.join(''), facts, {
        name: '"\'`;echo $((999*1001)) $(echo $((999*1001)))',
      })
      let output = ''
      try {
        output = execFileSync(words[0]!, words.slice(1), {
          encoding: 'utf8',
          env: { ...env },
          stdio: ['ignore', 'pipe', 'ignore'],
        })
      } catch {
        // such a line is rarely one that a shell understands
      }
      expect(output).not.toContain('999999')
    }),
    { numRuns: 150 },
  )
})

it('goes to cmd on Windows, without values that it could run', () => {
  const { words } = shellCommand(
    'python train.py {hyp} && echo {epochs}',
    { ...facts, hyp: 'C:\\s\\hyp.yaml' },
    {},
    'win32',
  )
  expect(words).toEqual(['cmd.exe', '/d', '/s', '/c', '"python train.py C:\\s\\hyp.yaml && echo 3"'])
  expect(() => shellCommand('x {hyp.name}', facts, { name: 'a & b' }, 'win32')).toThrow(UsageError)
})
