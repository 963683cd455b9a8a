/** `work`, or the reason of `signal` as soon as it has fired, or `graceMs` later; `work` then goes on unheard. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, { graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  let grace: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    if (graceMs === 0) reject(signal.reason)
    else grace = setTimeout(() => reject(signal.reason), graceMs)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([aborted, work])
  } finally {
    clearTimeout(grace)
    signal.removeEventListener('abort', onAbort)
  }
}
