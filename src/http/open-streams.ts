import type { ServerResponse } from 'node:http'
import { AppError } from '../domain/errors.ts'

const MOST_OF_ONE_ACCOUNT = 64
const RETRY_AFTER_SECONDS = 10

/** Answers that last until somebody has had enough: the client, or the server that closes. */
export class OpenStreams {
  readonly #counts = new Map<string, number>()
  readonly #closing = new AbortController()

  /** A signal for one more. Throws `queue_full` when the account has too many, `shutting_down` once closed. */
  open(account: string, response: ServerResponse): AbortSignal {
    if (this.#closing.signal.aborted) throw new AppError('shutting_down', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
    if (response.closed) return AbortSignal.abort()
    const count = this.#counts.get(account) ?? 0
    if (count >= MOST_OF_ONE_ACCOUNT) throw new AppError('queue_full', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
    this.#counts.set(account, count + 1)
    const gone = new AbortController()
    response.once('close', () => {
      gone.abort()
      this.#leave(account)
    })
    return AbortSignal.any([gone.signal, this.#closing.signal])
  }

  #leave(account: string): void {
    const count = (this.#counts.get(account) ?? 1) - 1
    if (count === 0) this.#counts.delete(account)
    else this.#counts.set(account, count)
  }

  close(): void { this.#closing.abort() }
}
