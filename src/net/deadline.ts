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
