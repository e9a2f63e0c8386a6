// `hypevolve doctor`: runs the checks of this folder and prints one line for each finding. A new check is a function
// here or in a file of this folder, and a line in the list.
import type { DoctorFlags } from '../cli/doctor.ts'
import { Terminal } from '../console/terminal.ts'
import { gpu, layout, memory, nativeParts, onnxRuntime } from './engine.ts'
import type { Check, Finding } from './finding.ts'
import { studyStorage } from './storage.ts'
import { disk, node, platform, processor, program } from './system.ts'
import { trainer } from './trainer.ts'

const ourOwn: readonly Check[] = [
  program,
  node,
  platform,
  processor,
  onnxRuntime,
  layout,
  nativeParts,
  gpu,
  memory,
  disk,
  studyStorage,
]

/** Where another trainer trains, our engine does not matter. */
const others: readonly Check[] = [program, node, platform, processor, trainer, disk, studyStorage]

/** @returns the exit code: 1 if something would keep the planned training from working */
export async function runDoctor(flags: DoctorFlags, terminal = new Terminal()): Promise<number> {
  const { cfg, imgsz: imagePx, batchSize, project, trainer: name, repo, python, module } = flags
  const plan = { cfg, imagePx, batchSize, project, trainer: name, repo, python, module }
  const checks = name === undefined ? ourOwn : others
  const findings: Finding[] = []
  for (const check of checks) {
    for (const finding of await check(plan)) {
      findings.push(finding)
      terminal.line(line(finding, terminal))
    }
  }
  const problems = findings.filter(({ level }) => level === 'problem').length
  terminal.line()
  terminal.line(
    problems > 0
      ? `${problems === 1 ? 'One problem' : `${problems} problems`} to solve before training (marked "!!").`
      : 'Ready to train.',
  )
  return problems > 0 ? 1 : 0
}

function line({ level, topic, text }: Finding, terminal: Terminal): string {
  const mark = { ok: 'ok', note: '--', problem: '!!' }[level]
  const words = `${mark}  ${topic.padEnd(13)} ${text}`
  return level === 'problem' ? terminal.bold(words) : words
}
