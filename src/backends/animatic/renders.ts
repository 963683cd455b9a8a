import { randomUUID } from 'node:crypto'
import PQueue from 'p-queue'
import { AppError } from '../../domain/errors.ts'

export type RenderState =
  | { readonly at: 'queued' }
  /** Whole percent; never falls. */
  | { readonly at: 'running'; readonly progress: number }
  | { readonly at: 'done'; readonly video: Uint8Array }
  | { readonly at: 'failed'; readonly error: AppError }

export interface Rendering { readonly signal: AbortSignal; readonly onProgress: (percent: number) => void }

interface Render { state: RenderState; readonly ends: AbortController; forgetLater?: NodeJS.Timeout }

export interface RendersOptions {
  readonly atOnce: number
  /** Finished ones that nobody fetches are forgotten after this. */
  readonly keptMs?: number
  /** Of finished ones together: beyond it the oldest are forgotten. */
  readonly keptBytes?: number
}

const MOST_RENDERS = 256
const KEPT_MS = 10 * 60_000
const KEPT_BYTES = 256 * 1024 * 1024

/** Videos of this process that are being drawn, wait for it, or wait to be fetched. */
export class Renders {
  readonly #renders = new Map<string, Render>()
  readonly #queue: PQueue
  readonly #keptMs: number
  readonly #keptBytes: number

  constructor({ atOnce, keptMs = KEPT_MS, keptBytes = KEPT_BYTES }: RendersOptions) {
    this.#queue = new PQueue({ concurrency: atOnce })
    this.#keptMs = keptMs
    this.#keptBytes = keptBytes
  }

  /** Puts the work in line, and gives it a name. What it rejects with is kept as its failure; `shutting_down` makes it unknown. Throws `backend_unavailable` when the line is too long. */
  start(work: (rendering: Rendering) => Promise<Uint8Array>): string {
    if (this.#renders.size >= MOST_RENDERS) throw new AppError('backend_unavailable')
    const id = randomUUID()
    const render: Render = { state: { at: 'queued' }, ends: new AbortController() }
    this.#renders.set(id, render)
    void this.#queue.add(() => this.#run(id, render, work))
    return id
  }

  /** undefined: unknown to this process. */
  stateOf(id: string): RenderState | undefined { return this.#renders.get(id)?.state }

  /** Stops it if it is under way. */
  forget(id: string): void {
    const render = this.#renders.get(id)
    this.#renders.delete(id)
    clearTimeout(render?.forgetLater)
    render?.ends.abort(new AppError('cancelled'))
  }

  async #run(id: string, render: Render, work: (rendering: Rendering) => Promise<Uint8Array>): Promise<void> {
    const { signal } = render.ends
    if (signal.aborted) return
    const onProgress = (percent: number): void => {
      const before = render.state.at === 'running' ? render.state.progress : 0
      render.state = { at: 'running', progress: Math.max(before, Math.floor(percent)) }
    }
    onProgress(0)
    render.state = await work({ signal, onProgress }).then(
      (video) => ({ at: 'done', video }) as const,
      (error: unknown) => ({ at: 'failed', error: error instanceof AppError ? error : new AppError('internal_error', { cause: error }) }) as const,
    )
    if (render.state.at === 'failed' && render.state.error.code === 'shutting_down') return this.forget(id)
    if (this.#renders.has(id)) this.#keep(id, render)
  }

  #keep(id: string, render: Render): void {
    render.forgetLater = setTimeout(() => this.forget(id), this.#keptMs).unref()
    // The map remembers the order; one that was just finished goes to its end.
    this.#renders.delete(id)
    this.#renders.set(id, render)
    let bytes = 0
    for (const [id, { state }] of [...this.#renders].toReversed()) {
      if (state.at !== 'done') continue
      bytes += state.video.length
      if (bytes > this.#keptBytes) this.forget(id)
    }
  }
}
