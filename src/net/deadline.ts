/** A signal that fires with `reason()` when its time is up, or with any of `others`' reasons before that. Disposed, it never fires on its own. */
export interface Deadline extends Disposable { readonly signal: AbortSignal }

export function startDeadline(ms: number, reason: () => Error, others: readonly (AbortSignal | undefined)[] = []): Deadline {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(reason()), Math.max(0, ms))
  const signals = others.filter((signal) => signal !== undefined)
  return {
    signal: AbortSignal.any([controller.signal, ...signals]),
    [Symbol.dispose]: () => clearTimeout(timer),
  }
}

/** `work`, or the reason of `signal` as soon as it fires; `work` then goes on unheard. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
