/** What is done again and again behind everything else: one piece behind the other, and whatever fails is tried the next time. */
export class BackgroundWork {
  readonly #onFailure: (error: unknown) => void
  readonly #over = new AbortController()
  readonly #timers: NodeJS.Timeout[] = []
  #going: Promise<void> = Promise.resolve()

  /** `onFailure` hears of everything but what fails because it is stopped. */
  constructor(onFailure: (error: unknown) => void) { this.#onFailure = onFailure }

  /** Fires when it is stopped. */
  get signal(): AbortSignal { return this.#over.signal }

  every(ms: number, work: () => Promise<void>): void {
    this.#timers.push(setInterval(() => this.run(work), ms).unref())
  }

  run(work: () => Promise<void>): void {
    this.#going = this.#going.then(async () => {
      if (!this.signal.aborted) await work()
    }).catch((error) => { if (!this.signal.aborted) this.#onFailure(error) })
  }

  /** Resolves when nothing goes on any more. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#over.abort()
    await this.#going
  }
}
