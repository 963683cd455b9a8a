/** Times in containers are rounded to as little as a millisecond. */
export const TIME_SLACK_SECONDS = 0.0015

/** Picks from pictures by their times, not by their number: keeps its pace on uneven frame rates. */
export class Pace {
  readonly #perSecond: number
  #next = -Infinity

  constructor(perSecond: number) { this.#perSecond = perSecond }

  isDue(seconds: number): boolean { return seconds >= this.#next - TIME_SLACK_SECONDS }

  took(seconds: number): void {
    const behind = this.#next === -Infinity ? 0 : seconds - this.#next + TIME_SLACK_SECONDS
    const from = this.#next === -Infinity ? seconds : this.#next
    this.#next = from + Math.max(1, Math.ceil(behind * this.#perSecond)) / this.#perSecond
  }
}
