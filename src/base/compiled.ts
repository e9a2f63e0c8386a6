// Worker threads and child processes need a JavaScript file as entry.

/**
 * URL of the JavaScript entry for a worker thread or child process. In the built package that is the file itself;
 * from the source tree (tests, benches) it is the compiled twin under dist/, which `npm run build` makes.
 *
 * @param relative - the entry relative to the caller, as './loader-worker.js'
 * @param base - the caller's `import.meta.url`
 */
export function compiledEntry(relative: string, base: string): URL {
  const url = new URL(relative, base)
  if (base.endsWith('.ts')) url.pathname = url.pathname.replace(/\/src\/(?!.*\/src\/)/, '/dist/')
  return url
}
