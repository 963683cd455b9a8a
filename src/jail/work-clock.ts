/** Counts the time somebody works, not the time they wait; calls `onSpent` once when it is used up. */
export class WorkClock {
  readonly #onSpent: () => void
  #leftMs: number
  #startedAt: number | null = null
  #timer: NodeJS.Timeout | undefined

  constructor({ mostMs, onSpent }: { readonly mostMs: number; readonly onSpent: () => void }) {
    this.#leftMs = mostMs
    this.#onSpent = onSpent
  }

  set(isWorking: boolean): void {
    if (isWorking === (this.#startedAt !== null)) return
    clearTimeout(this.#timer)
    if (this.#startedAt === null) {
      this.#startedAt = performance.now()
      this.#timer = setTimeout(this.#onSpent, this.#leftMs)
    } else {
      this.#leftMs = Math.max(0, this.#leftMs - (performance.now() - this.#startedAt))
      this.#startedAt = null
    }
  }
}
