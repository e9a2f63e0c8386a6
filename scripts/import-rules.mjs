// The architecture as data: which folder of src may import which, and which heavy packages are loaded where.
// docs/architecture.md draws the same; scripts/check-imports.mjs enforces it.

/**
 * A folder may import the listed folders (always through their index.ts) and its own files. `only` narrows an arrow to
 * some of its files, as path prefixes inside the folder.
 * @type {Record<string, { may: Record<string, true | { only: string[] }>, why: string }>}
 */
export const folders = {
  base: { may: {}, why: 'errors and random numbers know nothing of ours' },
  search: { may: { base: true }, why: 'the search is pure: plain data in, plain data out' },
  study: { may: { search: true, base: true }, why: 'the memory of a search trains nothing' },
  nn: { may: { base: true }, why: 'the engine knows no boxes, hyps or studies' },
  detect: { may: { nn: true, base: true }, why: 'a detector trains without knowing that a search exists' },
  run: {
    may: {
      study: true,
      search: true,
      base: true,
      detect: { only: ['trainers/embedded', 'slot/'] },
    },
    why: 'run joins the two towers, and only the embedded trainer touches the detector',
  },
  report: { may: { study: true, search: true, base: true }, why: 'figures are functions of plain numbers' },
  app: {
    may: { report: true, run: true, study: true, search: true, detect: true, base: true },
    why: 'the app wires the others; it reaches the engine only through detect',
  },
  // Files directly in src: the library's root entry. Whoever imports it gets the search and nothing native.
  '.': { may: { study: true, search: true, base: true }, why: 'the root entry loads no native module' },
}

/** Packages that are native or slow to load: the folders whose files may name them. */
export const heavyPackages = {
  'onnxruntime-node': ['nn', 'detect', 'app/doctor'],
  sharp: ['detect', 'report'],
  '@napi-rs/canvas': ['report'],
  echarts: ['report'],
  libsql: ['study/sql'],
  pg: ['study/sql'],
  kysely: ['study/sql'],
}

/** Modules that must be reachable without loading a heavy package: static imports are followed, `import()` is not. */
export const lightEntries = ['index.ts', 'app/cli/main.ts']

/** Text that must not occur in the (non-test) files of a folder. */
export const forbiddenText = {
  search: [
    {
      pattern: /from 'node:(fs|fs\/promises|timers|child_process|worker_threads|os|net|http)'/,
      why: 'the search does no input or output',
    },
    { pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(|\bprocess\.hrtime/, why: 'the search has no clock' },
    { pattern: /\bMath\.random\(/, why: 'random numbers are handed in' },
  ],
  detect: [{ pattern: /\bMath\.random\(/, why: 'a training repeats under its seed' }],
  nn: [{ pattern: /\bMath\.random\(/, why: 'a training repeats under its seed' }],
}
