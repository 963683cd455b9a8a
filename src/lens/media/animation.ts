import sharp from 'sharp'
import { AppError } from '../../domain/errors.ts'
import { fitWindow, WINDOW_MS } from '../../domain/window.ts'
import type { TimeWindow } from '../../domain/window.ts'
import type { Frame, WindowPictures } from '../frame.ts'
import { checkBudget, mostFrames, tooLarge } from './budget.ts'
import { encodeFrames } from './encode.ts'
import type { HeldBytes } from './held-bytes.ts'
import type { OpenedWindow, WindowRequest } from './opened-window.ts'
import { Pace } from './pace.ts'
import { blockLoaders } from './picture-loaders.ts'
import { remuxToMp4 } from './remux.ts'
import { unsupported } from './sniff.ts'

/** Browsers show pages that ask for less than this for so long. */
const SHORT_DELAY = { below: 20, becomesMs: 100 } as const
const FEW_PAGES = 2
const CLIP_LONG_SIDE = 1920
const CLIP_FRAMES_PER_SECOND = 50
/** Of decoded pages that are held at a time. */
const BATCH_BYTES = 32 * 1024 * 1024

interface Page { readonly index: number; readonly startMs: number; readonly endMs: number }

interface Animation { readonly bytes: Uint8Array; readonly width: number; readonly height: number; readonly pages: readonly Page[] }

export async function openAnimation(held: HeldBytes, { container, window, signal }: WindowRequest): Promise<OpenedWindow> {
  blockLoaders()
  checkBudget('bytes', held.size)
  await held.fetch([{ start: 0, end: held.size }])
  const animation = await readPages(await held.read(0, held.size))
  const durationMs = animation.pages.at(-1)?.endMs ?? 0
  const fitted = window ? fitWindow(window, durationMs) : { startMs: 0, endMs: Math.min(WINDOW_MS.most, durationMs), isClamped: false }
  const inWindow = animation.pages.filter(({ startMs, endMs }) => startMs < fitted.endMs && endMs > fitted.startMs)
  const pictures = new AnimationPictures(animation, { pages: inWindow, window: fitted, signal })
  const video = await encodeFrames(pictures.frames({ perSecond: CLIP_FRAMES_PER_SECOND, longSide: CLIP_LONG_SIDE }), { endSeconds: fitted.endMs / 1000, originSeconds: 0 })
  const clip = await remuxToMp4({ video, sound: null, start: fitted.startMs / 1000 })
  return {
    pictures,
    facts: {
      container, codec: container, width: animation.width, height: animation.height, durationMs, ...fitted,
      hasSound: false, packets: inWindow.length, floorBytes: held.size, clip,
    },
  }
}

async function readPages(bytes: Uint8Array): Promise<Animation> {
  const { width, height, pageHeight = height, pages = 1, delay = [] } = await sharp(bytes, { limitInputPixels: false, animated: true }).metadata()
  if (pages < FEW_PAGES) throw unsupported()
  const most = mostFrames(width, pageHeight)
  if (pages > most) throw tooLarge('frames', pages, most)
  let startMs = 0
  return {
    bytes, width, height: pageHeight,
    pages: Array.from({ length: pages }, (_, index) => {
      const stated = delay[index] ?? 0
      const page = { index, startMs, endMs: startMs + (stated < SHORT_DELAY.below ? SHORT_DELAY.becomesMs : stated) }
      startMs = page.endMs
      return page
    }),
  }
}

class AnimationPictures implements WindowPictures {
  readonly #animation: Animation
  readonly #pages: readonly Page[]
  readonly #window: TimeWindow
  readonly #signal: AbortSignal | undefined

  constructor(animation: Animation, { pages, window, signal }: { pages: readonly Page[]; window: TimeWindow; signal: AbortSignal | undefined }) {
    this.#animation = animation
    this.#pages = pages
    this.#window = window
    this.#signal = signal
  }

  async * frames({ perSecond, longSide }: { readonly perSecond: number; readonly longSide: number }): AsyncIterable<Frame> {
    const pace = new Pace(perSecond)
    for await (const frame of this.#decoded((seconds) => pace.isDue(seconds))) {
      pace.took(frame.seconds)
      yield await fitted(frame, longSide)
    }
  }

  async * framesAt(seconds: readonly number[]): AsyncIterable<Frame> {
    const wanted = new Set(seconds)
    yield * this.#decoded((time) => wanted.has(time))
  }

  sound(): Promise<null> { return Promise.resolve(null) }

  /** In batches: to show one page all before it are drawn, so one by one would take the square of their number. */
  async * #decoded(isWanted: (seconds: number) => boolean): AsyncGenerator<Frame> {
    const { bytes, width, height } = this.#animation
    const pagesAtOnce = Math.max(1, Math.floor(BATCH_BYTES / (width * height * 4)))
    for (let first = 0; first < this.#pages.length; first += pagesAtOnce) {
      this.#signal?.throwIfAborted()
      const batch = this.#pages.slice(first, first + pagesAtOnce)
      const roll = await sharp(bytes, { page: batch[0]?.index ?? 0, pages: batch.length, limitInputPixels: false })
        .flatten({ background: 'white' }).toColourspace('srgb').removeAlpha().raw().toBuffer()
        .catch((cause: unknown) => { throw new AppError('media_corrupt', { cause }) })
      const pageBytes = width * height * 3
      for (const [i, { startMs }] of batch.entries()) {
        const seconds = Math.max(startMs, this.#window.startMs) / 1000
        if (isWanted(seconds)) yield { width, height, seconds, data: roll.subarray(i * pageBytes, (i + 1) * pageBytes) }
      }
    }
  }
}

async function fitted(frame: Frame, longSide: number): Promise<Frame> {
  const { width, height, data, seconds } = frame
  const scale = longSide / Math.max(width, height)
  if (scale >= 1) return frame
  const { data: small, info } = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)), { fit: 'fill' })
    .raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, data: small, seconds }
}
