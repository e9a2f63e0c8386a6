// `npm test`: all of it, from a bare clone. Installs what is missing (saying so first), builds, lints, checks types and
// import rules, runs every test, and ends with one plain line: "N passed, N failed".
//   npm test                     everything
//   npm test -- --setup          also install the Debian packages that some tests need (asks sudo if you are not root)
//   npm test -- src/search       only the tests below that path (with the build, without lint and the rest)
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, mayInstallSystemPackages, run, setUp, underCi } from './setup.mjs'

const words = process.argv.slice(2)
const filters = words.filter((word) => word !== '--setup')
const counts = { passed: 0, failed: 0, skipped: 0 }

const wanted = words.includes('--setup') || underCi
const { missing } = await setUp({
  what: 'npm test',
  system: mayInstallSystemPackages() || words.includes('--setup') ? (wanted ? 'yes' : 'if possible') : 'no',
})

async function check(title, command, args) {
  console.log(`\n== ${title}`)
  const status = await run(command, args, { allowFailure: true })
  counts[status === 0 ? 'passed' : 'failed']++
}

console.log('== build')
await build()
if (filters.length === 0) {
  await check('lint and format (biome)', 'npx', ['--no-install', 'biome', 'check', '.'])
  await check('types (tsc)', 'npm', ['run', '--silent', 'typecheck'])
  await check('import rules', 'node', ['scripts/check-imports.mjs'])
}

console.log('\n== tests (vitest)')
const scratch = mkdtempSync(join(tmpdir(), 'hypevolve-test-'))
try {
  const file = join(scratch, 'report.json')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const status = await run('npx', ['--no-install', 'vitest', 'run', ...reporters, ...filters], {
    allowFailure: true,
  })
  const result = readReport(file)
  counts.passed += result.numPassedTests
  counts.failed += result.numFailedTests
  const skipped = result.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults
      .filter(({ status }) => status !== 'passed' && status !== 'failed')
      .map(({ fullName }) => `${name}: ${fullName}`),
  )
  counts.skipped = skipped.length
  // A file that breaks before its tests begin has no failed test of its own.
  const broken = result.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  counts.failed += broken
  if (status !== 0 && counts.failed === 0) counts.failed = 1
  if (skipped.length > 0) {
    console.log(`\nSKIPPED, so not tested here:\n  ${skipped.join('\n  ')}`)
    for (const entry of missing) console.log(`  ${entry.tests} needs ${entry.name}; npm test -- --setup installs it`)
    if (underCi) {
      console.log('  under CI nothing may be skipped: this counts as a failure')
      counts.failed++
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

console.log(
  `\n${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`,
)
process.exitCode = counts.failed > 0 ? 1 : 0

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    console.error('vitest wrote no report')
    return { numPassedTests: 0, numFailedTests: 1, testResults: [] }
  }
}
