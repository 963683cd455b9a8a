import { z } from 'zod'
import type { Capabilities } from '../domain/capabilities.ts'
import { AppError, isTransient } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { LensDied } from '../jail/lens-died.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { Renders, type Rendering } from './animatic/renders.ts'
import { stageRequest } from './animatic/stage-request.ts'
import type { Backend, BackendRequest, BackendStatus, JsonObject } from './backend.ts'

const MiB = 1024 * 1024
const MOST_CHARACTERS = 8
const PICTURES_EACH = 2

export const ANIMATIC: Capabilities = {
  maxCharacters: MOST_CHARACTERS,
  // Two pictures of each, one of the user's own, one voice.
  maxReferences: MOST_CHARACTERS * PICTURES_EACH + 2,
  perCharacter: PICTURES_EACH,
  kinds: {
    image: { max: MOST_CHARACTERS * PICTURES_EACH + 1, mimes: ['image/webp', 'image/png', 'image/jpeg'], maxBytes: 4 * MiB },
    audio: { max: 1, mimes: ['audio/wav'] },
  },
  prefer: 'image',
  imageForm: 'cutout',
  label: 'name',
  hasPreamble: false,
  firstFrame: 'none',
  sizes: ['720x1280', '1280x720', '848x480', '480x848', '832x480', '1920x1080', '1080x1920'],
  seconds: { min: 1, max: 20 },
  promptMax: 32_000,
  faces: 'ok',
  hasSeed: true,
  hasNegativePrompt: false,
  operations: ['edit', 'extend'],
}

const POLL_MS = 500
const operationSchema = z.object({ render: z.string() })
const PREVIEW_ONLY = { code: 'preview_only', message: 'This is a preview: pictures of the characters move over a backdrop. Nothing in it was generated.' } as const
/** Of work in the lens: ten times what 1080p took on two cores. */
const WORK_MS = { start: 15_000, perSecond: 5_000 }
/** Of the whole: what it takes to draw the frames; the rest is setting up and packing. */
const DRAWING_PERCENT = { from: 5, to: 98 }

const NOTHING: ByteSource = {
  size: 0, bytesRead: 0, requests: 0,
  read: (start, end) => Promise.reject(new RangeError(`[${start}, ${end}) of nothing`)),
  async [Symbol.asyncDispose]() {},
}

type DrawingLenses = Pick<Lenses, 'open' | 'stats'>

/**
 * The embedded backend: previews in which pictures of the cast move over a backdrop, drawn in a lens. It generates nothing and says so on every
 * frame. Half of the lenses draw at a time, so that characters are made beside it. What was drawn is in memory: another process knows nothing of it.
 */
export function createAnimatic({ lenses }: { readonly lenses: DrawingLenses }): Backend {
  const { idle, starting, busy } = lenses.stats
  const renders = new Renders({ atOnce: Math.max(1, (idle + starting + busy) >> 1) })
  const stateOf = (operation: JsonObject) => renders.stateOf(operationSchema.parse(operation).render)
  return {
    name: 'animatic',
    models: [{ id: 'animatic', capabilities: ANIMATIC }],
    pollMs: POLL_MS,
    health: async () => ({ isHealthy: true, says: 'It draws previews on this machine, and generates nothing.' }),
    submit: async (request) => ({ render: renders.start((rendering) => render(request, lenses, rendering)) }),
    status: async (operation): Promise<BackendStatus> => {
      const state = stateOf(operation) ?? { at: 'lost' }
      return state.at === 'done' ? { at: 'done', output: {}, warnings: [PREVIEW_ONLY] } : state
    },
    open: async (operation, _output, { maxBytes }) => {
      const state = stateOf(operation)
      if (state?.at !== 'done') throw new AppError('output_expired')
      renders.forget(operationSchema.parse(operation).render)
      if (state.video.length > maxBytes) throw new AppError('output_invalid', { details: { reason: phrase(`it is larger than ${maxBytes} bytes`, `超过 ${maxBytes} 字节`) } })
      return once(state.video)
    },
    cancel: async (operation) => renders.forget(operationSchema.parse(operation).render),
  }
}

async function* once(video: Uint8Array): AsyncGenerator<Uint8Array> { yield video }

/** On a lens of its own, and once more when that dies. */
async function render(request: BackendRequest, lenses: DrawingLenses, rendering: Rendering): Promise<Uint8Array> {
  try {
    return await draw(request, lenses, rendering).catch((error: unknown) => {
      if (error instanceof LensDied) return draw(request, lenses, rendering)
      throw error
    })
  } catch (error) {
    throw translate(error)
  }
}

async function draw(request: BackendRequest, lenses: DrawingLenses, { signal, onProgress }: Rendering): Promise<Uint8Array> {
  await using lens = await lenses.open(NOTHING, { signal, deadlineMs: WORK_MS.start + WORK_MS.perSecond * request.shot.seconds })
  const { frames } = await lens.call('stage', stageRequest(request))
  onProgress(DRAWING_PERCENT.from)
  for (let drawn = 0; drawn < frames;) {
    drawn = (await lens.call('roll', {})).drawn
    onProgress(DRAWING_PERCENT.from + ((DRAWING_PERCENT.to - DRAWING_PERCENT.from) * drawn) / frames)
  }
  const { video } = await lens.call('wrap', {})
  return video
}

function translate(error: unknown): unknown {
  if (error instanceof LensDied) return new AppError('lens_failed', { details: { reason: 'died', work: 'drawing' }, cause: error })
  if (!(error instanceof AppError) || error.code === 'shutting_down' || error.code === 'cancelled') return error
  return isTransient(error.code) ? new AppError('backend_unavailable', { cause: error }) : new AppError('backend_rejected', { details: { said: error.message }, cause: error })
}
