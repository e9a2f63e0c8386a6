// Memory of a process that trains. Every session of ONNX Runtime has an arena of its own, which keeps what its largest run
// took; sessions for the usual batch, the last one and the validation never run at the same time, yet their arenas add up.
// One allocator for all of them needs a quarter less, if it keeps freed memory instead of giving it back page by page.

/** Environment with which a training process is started: glibc's malloc takes memory once and keeps it. Linux only. */
export const keepingAllocator: Readonly<Record<string, string>> =
  process.platform === 'linux'
    ? { MALLOC_MMAP_MAX_: '0', MALLOC_TRIM_THRESHOLD_: String(2 ** 34), MALLOC_TOP_PAD_: String(2 ** 26) }
    : {}

/** Whether this process was started with {@link keepingAllocator}. */
export function hasKeepingAllocator(): boolean {
  const entries = Object.entries(keepingAllocator)
  return entries.length > 0 && entries.every(([name, value]) => process.env[name] === value)
}
