import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder, writeText } from '../../../test/helpers/data-set.ts'
import { CommandNotFoundError, CommandPlaceholderError, UsageError } from '../../base/index.ts'
import {
  type CommandFacts,
  checkCommand,
  checkShellCommand,
  commandEnvironment,
  fillCommand,
  usesPlaceholder,
} from './command-line.ts'

const facts: CommandFacts = {
  hyp: '/study/trials/3/hyp.yaml',
  epochs: 10,
  out: '/study/trials/3/out',
  device: '0,1',
  seed: 7,
  trial: 3,
  attempt: 2,
  imgsz: 640,
  threads: 4,
  resume: '',
}

describe('fillCommand', () => {
  it('fills in every placeholder, also inside of words', () => {
    const words = 'run {hyp} -e{epochs} --out={out} {device} {seed} {trial}.{attempt} {imgsz} {threads} {hyp.lr0}'
    expect(fillCommand(words.split(' '), facts, { lr0: 1e-7 }).join(' ')).toBe(
      'run /study/trials/3/hyp.yaml -e10 --out=/study/trials/3/out 0,1 7 3.2 640 4 1e-7',
    )
  })

  it('leaves alone what is none', () => {
    const words = ['a b', '$HOME', '{"json": {"x": 1}}', '{}', '{1}', 'x{{hyp}}y', "'", '*']
    expect(fillCommand(words, facts, {})).toEqual([
      'a b',
      '$HOME',
      '{"json": {"x": 1}}',
      '{}',
      '{1}',
      'x{hyp}y',
      "'",
      '*',
    ])
  })

  it('does not read a value again', () => {
    expect(fillCommand(['{hyp.name}'], facts, { name: '{seed} $& $1' })).toEqual(['{seed} $& $1'])
  })

  it('gives nothing for a hyperparameter whose condition does not hold', () => {
    expect(fillCommand(['[{hyp.momentum}]'], facts, {})).toEqual(['[]'])
  })
})

it('finds a placeholder', () => {
  expect(usesPlaceholder(['x', '--d={device}'], 'device')).toBe(true)
  expect(usesPlaceholder(['x', '{{device}}', 'device'], 'device')).toBe(false)
})

it('says the same in the environment', () => {
  expect(commandEnvironment(facts, { lr0: 0.01, name: 'ü' })).toEqual({
    HYPEVOLVE_HYP: facts.hyp,
    HYPEVOLVE_EPOCHS: '10',
    HYPEVOLVE_OUT: facts.out,
    HYPEVOLVE_DEVICE: '0,1',
    HYPEVOLVE_SEED: '7',
    HYPEVOLVE_TRIAL: '3',
    HYPEVOLVE_ATTEMPT: '2',
    HYPEVOLVE_IMGSZ: '640',
    HYPEVOLVE_THREADS: '4',
    HYPEVOLVE_RESUME: '',
    HYPEVOLVE_HYP_JSON: '{"lr0":0.01,"name":"ü"}',
  })
})

describe('checkCommand', () => {
  it('accepts a program on PATH or by its path', () => {
    checkCommand(['node', '{hyp}', '{hyp.lr0}'], ['lr0'])
    checkCommand([process.execPath], [])
  })

  it('names a placeholder that means nothing', () => {
    const check = () => checkCommand(['node', '--lr={hyp.lr}'], ['lr0'])
    expect(check).toThrow(CommandPlaceholderError)
    expect(check).toThrow(/\{hyp\.lr\} in "--lr=\{hyp\.lr\}".*\{hyp\}.*\{hyp\.lr0\}; write \{\{hyp\.lr\}\}/)
    expect(() => checkCommand(['node', '{epoch}'], [])).toThrow(/\{epoch\}/)
  })

  it('names a program that cannot run', () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'folder'))
    const script = writeText(join(folder, 'script'), '#!/bin/sh\n')
    expect(() => checkCommand([], [])).toThrow(/There is no command/)
    expect(() => checkCommand(['script'], [], '/nowhere')).toThrow(/not on PATH/)
    expect(() => checkCommand([join(folder, 'none')], [])).toThrow(/no such file/)
    expect(() => checkCommand([join(folder, 'folder')], [])).toThrow(CommandNotFoundError)
    expect(() => checkCommand(['script'], [], folder)).toThrow(/not executable/)
    chmodSync(script, 0o755)
    checkCommand(['script'], [], `/nowhere:${folder}`)
  })
})

describe('checkShellCommand', () => {
  it('accepts one line, with variables of the shell', () => {
    checkShellCommand([`cd x && python train.py {hyp} $\{HOME} "$\{x}" {hyp.lr0} | tee log`], ['lr0'])
  })

  it('names what makes no sense', () => {
    expect(() => checkShellCommand([], [])).toThrow(UsageError)
    expect(() => checkShellCommand(['python', 'train.py'], [])).toThrow(/--shell takes one word.*There are 2\./)
    expect(() => checkShellCommand([' '], [])).toThrow(/There is an empty one\./)
    expect(() => checkShellCommand(['python {hpy}'], [])).toThrow(CommandPlaceholderError)
  })
})
