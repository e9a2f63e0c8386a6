#!/usr/bin/env node
// The command line: `hypevolve <command>`. Start reading in index.ts, which lists the commands.
// Exit codes: 0 done; 1 an error with an explanation; 2 wrong usage; 128 + n ended by signal n (Ctrl-C: 130).
import { Command, CommanderError, type Option } from 'commander'
import { HypevolveError, TrainingFailedError, UsageError } from '../../base/index.ts'
import { programVersion } from '../version.ts'
import { prepareArguments, renamedFlags } from './arguments.ts'
import { commands } from './index.ts'

const helpStyle = {
  helpWidth: Math.min(process.stdout.columns ?? 100, 110),
  /** Says defaults only where there is something to say. */
  optionDescription({ description, defaultValue, defaultValueDescription }: Option): string {
    const value = defaultValueDescription ?? defaultValue
    return value === undefined || value === false || value === '' ? description : `${description} (default: ${value})`
  },
}

/** @returns the exit code */
async function main(words: readonly string[]): Promise<number> {
  const debug = Boolean(process.env['HYPEVOLVE_DEBUG']) || words.includes('--debug')
  try {
    const command = commands.find(({ name }) => name === words[0])
    const prepared = command ? [command.name, ...prepareArguments(words.slice(1), command)] : [...words]
    if (command) for (const line of renamedFlags(words.slice(1), command)) console.error(line)
    await buildProgram().parseAsync(prepared, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    return tell(error, debug)
  }
}

function buildProgram(): Command {
  const program = new Command('hypevolve')
    .description('Trains YOLOv5 detectors and evolves their hyperparameters, without Python.')
    .version(programVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .configureHelp(helpStyle)
    .addHelpText(
      'after',
      `
Examples:
  hypevolve train --data digits --cfg yolov5n.yaml --imgsz 128 --epochs 10
  hypevolve train --data my/data.yaml --cfg yolov5n.yaml --evolve 50
  hypevolve doctor`,
    )
  for (const command of commands) {
    const sub = program.command(command.name).summary(command.summary).exitOverride().configureHelp(helpStyle)
    command.configure(sub)
    sub.option('--debug', 'print where an error came from')
  }
  return program
}

const bugNote = 'This should not have happened. HYPEVOLVE_DEBUG=1 shows where it came from; please report it.'

/** Prints an error and gives its exit code. */
function tell(error: unknown, debug: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2 // commander has printed it
  if (error instanceof HypevolveError) {
    console.error(`hypevolve: ${error.message}`)
    if (debug)
      console.error(error.stack, error.cause ?? '', error instanceof TrainingFailedError ? error.childStack : '')
    else if (error.code === 'TRAINING_FAILED') console.error(bugNote)
    if (error instanceof UsageError) console.error('(hypevolve <command> --help lists what there is)')
    return error instanceof UsageError ? 2 : 1
  }
  console.error(`hypevolve: ${error instanceof Error ? error.message : String(error)}`)
  if (debug && error instanceof Error) console.error(error.stack)
  else console.error(bugNote)
  return 1
}

// A reader that left (`hypevolve train … | head`) or a terminal that is gone must not end a training.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error
  })
}
process.exitCode = await main(process.argv.slice(2))
