import type { QueueOptions } from './job-queue.ts'

/** What is stopped may clean up for so long before its place is given away. */
export const CLEAN_UP_MS = 2000

/** The work's own end; or, when it is stopped and does not end, the reason it was stopped for. Past the deadline it is stopped. */
export async function endOrAbandon(work: (signal: AbortSignal) => Promise<void>, stop: AbortController, { deadlineMs, onDeadline }: Pick<QueueOptions, 'deadlineMs' | 'onDeadline'>): Promise<void> {
  const { signal } = stop
  const abandoned = Promise.withResolvers<never>()
  let cleaning: NodeJS.Timeout | undefined
  const onAbort = (): void => { cleaning = setTimeout(() => abandoned.reject(signal.reason), CLEAN_UP_MS) }
  signal.addEventListener('abort', onAbort, { once: true })
  const deadline = setTimeout(() => stop.abort(onDeadline(deadlineMs / 1000)), deadlineMs)
  try {
    await Promise.race([work(signal), abandoned.promise])
  } finally {
    clearTimeout(deadline)
    clearTimeout(cleaning)
    signal.removeEventListener('abort', onAbort)
  }
}
