// `hypevolve data check`.
import type { CheckReport, FindingKind } from '../../detect/index.ts'
import type { DataCheckFlags } from '../cli/data-check.ts'
import { Terminal } from '../console/terminal.ts'
import { counted } from '../console/text.ts'
import { withDataset } from './open.ts'
import { DataProgressBar } from './progress.ts'

/** Findings of a kind that are printed without --all. */
const shown = 5

/** @returns the exit code: 1 if there are faults */
export const runDataCheck = (data: string, flags: DataCheckFlags): Promise<number> =>
  withDataset(data, flags.workers, async ({ checkDataset, findingKinds }, definition, pool) => {
    const bar = new DataProgressBar()
    const report = await checkDataset({
      ...{ definition, pool, imagePx: flags.imgsz },
      ...(flags.similar && { similarity: flags.similarity }),
      onProgress: bar.tell,
    })
    bar.finish()
    const levelOf = ({ kind }: { kind: FindingKind }) => findingKinds[kind].level
    const faults = report.findings.filter((finding) => levelOf(finding) === 'fault').length
    const warnings = report.findings.length - faults
    const terminal = new Terminal()
    if (flags.json) {
      const findings = report.findings.map((finding) => ({ level: levelOf(finding), ...finding }))
      terminal.line(JSON.stringify({ faults, warnings, ...report, findings }, null, 2))
    } else tell(report, findingKinds, faults, flags.all, terminal)
    return faults > 0 || (flags.strict && warnings > 0) ? 1 : 0
  })

function tell(
  { splits, findings }: CheckReport,
  kinds: typeof import('../../detect/index.ts').findingKinds,
  faults: number,
  all: boolean,
  terminal: Terminal,
): void {
  for (const { split, counts } of splits)
    terminal.line(
      `${split}: ${counted(counts.images, 'image')}, ${counts.found} with a label file (${counts.empty} empty), ` +
        `${counts.missing} without`,
    )
  for (const [kind, { level, title }] of Object.entries(kinds)) {
    const own = findings.filter((finding) => finding.kind === kind)
    if (own.length === 0) continue
    const head = `${level === 'fault' ? 'FAULT' : 'warning'}  ${title}: ${own.length}`
    terminal.line(level === 'fault' ? terminal.bold(head) : head)
    for (const { file, other, detail } of all ? own : own.slice(0, shown))
      terminal.line(`    ${file}${other === undefined || other === file ? '' : `\n      and ${other}`} (${detail})`)
    if (!all && own.length > shown) terminal.line(`    … and ${own.length - shown} more (--all)`)
  }
  const warnings = findings.length - faults
  terminal.line(
    findings.length === 0
      ? 'Nothing found: the data set is in order.'
      : `${counted(faults, 'fault')}, ${counted(warnings, 'warning')}`,
  )
}
