// Timers of any length: those of Node end at once if they are longer than 2^31 ms (25 days).

const longestMs = 2 ** 31 - 1

/** Calls `step` after `ms`; not at all if that is 0 or nothing. @returns to clear or refresh, as of setTimeout */
export function limit(ms: number | undefined, step: () => void): NodeJS.Timeout | undefined {
  return ms === undefined || ms <= 0 ? undefined : setTimeout(step, Math.min(ms, longestMs))
}
