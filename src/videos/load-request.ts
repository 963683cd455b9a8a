import type { BackendRequest, Picture } from '../backends/backend.ts'
import type { Capabilities, KindLimits } from '../domain/capabilities.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import { phrase } from '../domain/phrase.ts'
import type { RenderedReference, RenderedShot } from '../domain/shot.ts'
import { contentTypeOf } from '../domain/stored-file.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { openObjectSource } from '../objects/object-source.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { lensFailed, onLens } from './on-lens.ts'
import type { OrderedPicture } from './order.ts'
import type { VideoLimits } from './settings.ts'
import { givenKey } from './video-files.ts'

/** A file of ours, or what lies at a caller's address behind the guarded fetch. Rejects with `source_*`, `invalid_url`, `url_not_allowed`. */
export type OpenSource = (
  source: { readonly type: 'url'; readonly url: string } | { readonly type: 'upload'; readonly path: string },
  options: { readonly signal: AbortSignal; readonly scratch: string },
) => Promise<ByteSource>

export interface LoadDeps {
  readonly objects: ObjectStore
  readonly lenses: Pick<Lenses, 'open'>
  readonly openSource: OpenSource
  readonly limits: Pick<VideoLimits, 'pictureBytes' | 'lensMs'>
}

export interface Loading {
  readonly id: VideoId
  readonly model: string
  readonly capabilities: Capabilities
  readonly rendered: RenderedShot
  readonly pictures: readonly OrderedPicture[]
  readonly prompt: string
  readonly isChinese: boolean
  readonly scratch: string
  readonly signal: AbortSignal
}

type Format = keyof typeof FORMATS

const FORMATS = { webp: 'image/webp', png: 'image/png', jpeg: 'image/jpeg' } as const
/** Of a picture that is encoded anew: no backend makes a video larger than this. */
const MOST_SIDE = 2048
/** Where the first attempt is more bytes than the backend takes. */
const SMALLER_SIDE = 1024

/**
 * Everything the shot names, in kinds of file that the backend takes. A character's files go as they are where that is possible; the caller's
 * pictures always pass through a lens. Rejects with `source_*` and `media_*` for those, `reference_unsupported`, `storage_unavailable`.
 */
export async function loadRequest(loading: Loading, deps: LoadDeps): Promise<BackendRequest> {
  const { id, model, rendered, prompt, isChinese } = loading
  const references = []
  for (const reference of rendered.references) references.push({ ...reference, ...await loadReference(reference, loading, deps) })
  const firstFrame = rendered.firstFrame === null ? null : await loadPicture(rendered.firstFrame, loading, deps)
  return { videoId: id, model, shot: rendered, references, firstFrame, caption: prompt, language: isChinese ? 'zh' : 'en' }
}

const loadReference = (reference: RenderedReference, loading: Loading, deps: LoadDeps): Promise<Picture> =>
  (reference.of === 'picture' ? loadPicture(reference.picture, loading, deps) : loadFile(reference, loading, deps))

async function loadFile(reference: Extract<RenderedReference, { of: 'character' }>, loading: Loading, deps: LoadDeps): Promise<Picture> {
  const { file, kind, form } = reference
  await using source = openObjectSource(deps.objects, file.key, file.bytes)
  const { bytes } = await source.read(0, file.bytes, { signal: loading.signal, isPlanned: true })
  const mime = contentTypeOf(file.name)
  const takes = loading.capabilities.kinds[kind]
  const isTakenAsIs = takes?.mimes.includes(mime) === true && bytes.length <= (takes.maxBytes ?? Infinity)
  if (isTakenAsIs && !(kind === 'image' && form === 'white')) return { mime, bytes }
  if (kind !== 'image') throw new AppError('reference_unsupported', { details: { what: loading.model, reason: phrase(`${mime} of ${bytes.length} bytes is not taken`, `不接受 ${bytes.length} 字节的 ${mime}`), known: takes?.mimes ?? [] } })
  return await encode(source, { takes, onWhite: form === 'white' ? canvasOf(loading.rendered) : null }, loading, deps)
}

async function loadPicture(index: number, loading: Loading, deps: LoadDeps): Promise<Picture> {
  await using source = await openPicture(loading.pictures[index], loading, deps)
  if (source.size > deps.limits.pictureBytes) throw new AppError('source_too_large', { details: { max_bytes: deps.limits.pictureBytes } })
  return await encode(source, { takes: loading.capabilities.kinds.image, onWhite: null }, loading, deps)
}

async function openPicture(picture: OrderedPicture, { id, scratch, signal }: Loading, { objects, openSource }: LoadDeps): Promise<ByteSource> {
  if (picture.type === 'url') return openSource(picture, { signal, scratch })
  return openObjectSource(objects, givenKey(id, picture.name), picture.bytes)
}

interface Encoding { readonly takes: KindLimits | undefined; readonly onWhite: { readonly width: number; readonly height: number } | null }

async function encode(source: ByteSource, { takes, onWhite }: Encoding, { signal, model }: Loading, { lenses, limits }: LoadDeps): Promise<Picture> {
  const format = formatOf(takes)
  return onLens(source, async (lens) => {
    for (const mostSide of [MOST_SIDE, SMALLER_SIDE]) {
      const { picture } = await lens.call('picture', { format, mostSide, onWhite })
      if (picture.length <= (takes?.maxBytes ?? Infinity)) return { mime: FORMATS[format], bytes: picture }
    }
    throw new AppError('reference_unsupported', { details: { what: model, reason: phrase(`no picture of ${takes?.maxBytes} bytes could be made of it`, `无法压缩到 ${takes?.maxBytes} 字节以内`) } })
  }, { lenses, signal, deadlineMs: limits.lensMs, onDeaths: lensFailed })
}

/** The first one that the backend takes is what others are turned into. */
function formatOf(takes: KindLimits | undefined): Format {
  const formats: readonly Format[] = ['webp', 'png', 'jpeg']
  const found = takes?.mimes.flatMap((mime) => formats.filter((format) => FORMATS[format] === mime))[0]
  return found ?? 'png' // a first frame alone: every backend that takes one takes PNG
}

function canvasOf({ size }: RenderedShot): NonNullable<Encoding['onWhite']> {
  const [width, height] = size.split('x').map(Number)
  return { width, height }
}
