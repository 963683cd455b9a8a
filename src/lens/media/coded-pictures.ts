import { AppError } from '../../domain/errors.ts'
import type { Frame, WindowPictures } from '../frame.ts'
import { BUDGET, checkBudget } from './budget.ts'
import { decode } from './decode.ts'
import { Pace, TIME_SLACK_SECONDS } from './pace.ts'
import type { Span } from './plan.ts'
import { copyPicture } from './raw-picture.ts'
import type { RawPicture } from './raw-picture.ts'
import type { CodedSound, CodedVideo } from './remux.ts'
import { decodeSound } from './sound.ts'
import { toRgb } from './to-rgb.ts'
import type { Orientation } from './to-rgb.ts'

/** Planes of the picked pictures that are kept, so that the full-size ones need no second decoding. */
const MOST_KEPT_BYTES = 64 * 1024 * 1024

export interface CodedWindow {
  readonly video: CodedVideo
  readonly sound: CodedSound | null
  /** The window on the container's clock, and where on it the source's first shown frame is. */
  readonly span: Span
  readonly originSeconds: number
  /** Width of a pixel over its height; decoded frames do not know it, nor their orientation. */
  readonly pixelAspect: number
  readonly orientation: Orientation
  readonly signal?: AbortSignal
}

/** The window's pictures out of its packets, decoded each time they are asked for except those that {@link frames} gave. */
export class CodedPictures implements WindowPictures {
  readonly #window: CodedWindow
  readonly #kept = new Map<number, RawPicture>()
  #keptBytes = 0

  constructor(window: CodedWindow) { this.#window = window }

  async * frames({ perSecond, longSide }: { readonly perSecond: number; readonly longSide: number }): AsyncIterable<Frame> {
    const pace = new Pace(perSecond)
    let count = 0
    for await (const { raw, seconds } of this.#pictures((seconds) => pace.isDue(seconds))) {
      pace.took(seconds)
      count++
      this.#keep(seconds, raw)
      yield this.#toFrame(raw, seconds, longSide)
    }
    if (count === 0) throw new AppError('media_corrupt')
  }

  async * framesAt(seconds: readonly number[]): AsyncIterable<Frame> {
    const wanted = new Set(seconds)
    const missing = new Set([...wanted].filter((time) => !this.#kept.has(time)))
    const decoded = missing.size > 0 ? this.#pictures((time) => missing.has(time)) : null
    for (const time of [...wanted].toSorted((a, b) => a - b)) {
      const raw = this.#kept.get(time) ?? (await decoded?.next())?.value?.raw
      if (raw) yield this.#toFrame(raw, time, Infinity)
    }
    await decoded?.return(undefined)
  }

  sound(): Promise<Float32Array | null> {
    const { sound, span } = this.#window
    return sound ? decodeSound(sound, span) : Promise.resolve(null)
  }

  /** Those whose time, in seconds of the source, is wanted. */
  async * #pictures(isWanted: (seconds: number) => boolean): AsyncGenerator<{ raw: RawPicture; seconds: number }> {
    const { video: { packets, config }, span, originSeconds, signal } = this.#window
    const needed = packets.slice(0, packets.findLastIndex(({ timestamp }) => timestamp < span.end - TIME_SLACK_SECONDS) + 1)
    const first = firstShown(needed.map(({ timestamp }) => timestamp), span.start)
    const decoded = decode({ config, packets: needed, ...(signal && { signal }) })
    let given = 0
    try {
      for await (const { picture, seconds: time } of decoded) {
        if (time >= span.end - TIME_SLACK_SECONDS) return
        const seconds = Math.max(time, span.start) - originSeconds
        if (time < first || !isWanted(seconds)) continue
        checkBudget('pixels', picture.codedWidth * picture.codedHeight) // a header may lie about the size
        given++
        yield { raw: await copyPicture(picture, config.colorSpace), seconds }
      }
    } catch (error) {
      if (error instanceof AppError || signal?.aborted) throw error
      // What came before the damage is as good as any.
      if (given === 0) throw new AppError('media_corrupt', { cause: error })
    }
  }

  #keep(seconds: number, raw: RawPicture): void {
    if (this.#kept.has(seconds) || this.#keptBytes + raw.byteLength > MOST_KEPT_BYTES) return
    this.#kept.set(seconds, raw)
    this.#keptBytes += raw.byteLength
  }

  #toFrame(raw: RawPicture, seconds: number, longSide: number): Frame {
    const { pixelAspect, orientation } = this.#window
    return { ...toRgb(raw, { ...squareSize(raw, { pixelAspect, longSide }), orientation }), seconds }
  }
}

/** The picture on screen at `start` may have come up before it. */
const firstShown = (times: readonly number[], start: number): number => {
  const before = times.filter((time) => time <= start + TIME_SLACK_SECONDS)
  return before.length > 0 ? Math.max(...before) : -Infinity
}

/** Size with square pixels: the width is stretched, and the result may not exceed the pixel budget either. */
export function squareSize({ width, height }: { readonly width: number; readonly height: number }, { pixelAspect, longSide }: { pixelAspect: number; longSide: number }) {
  const sides = [width * pixelAspect, height] as const
  const scale = Math.min(1, longSide / Math.max(...sides), Math.sqrt(BUDGET.pixels / (sides[0] * sides[1])))
  const [squareWidth, squareHeight] = [Math.max(2, Math.round(sides[0] * scale)), Math.max(2, Math.round(sides[1] * scale))]
  return { width: squareWidth, height: squareHeight }
}
