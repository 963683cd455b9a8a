import { openFileSource } from '../net/file-source.ts'
import type { FetchSettings } from '../net/limits.ts'
import { parseSourceUrl } from '../net/source-url.ts'
import { openUrlSource } from '../net/url-source.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { openObjectSource } from '../objects/object-source.ts'
import type { ByteSource } from '../runtime/byte-source.ts'

type Source = { readonly type: 'url'; readonly url: string } | { readonly type: 'upload' | 'data'; readonly path: string } | { readonly type: 'upload' | 'data' | 'video'; readonly objectKey: string; readonly bytes: number }

export type SourceOpener = (source: Source, options: { readonly signal: AbortSignal; readonly scratch: string }) => Promise<ByteSource>

/** The bytes of a source, wherever they lie; a stranger's address only behind the guard. `onFetched` hears how many came from there. */
export function createSourceOpener(fetch: FetchSettings, objects: ObjectStore, onFetched: (bytes: number) => void): SourceOpener {
  return async (source, { signal, scratch }) => {
    if (source.type === 'url') return counted(await openUrlSource(parseSourceUrl(source.url, fetch.allow), { settings: fetch, scratchFolder: scratch, signal }), onFetched)
    return 'path' in source ? openFileSource(source.path) : openObjectSource(objects, source.objectKey, source.bytes)
  }
}

const counted = (source: ByteSource, onFetched: (bytes: number) => void): ByteSource => ({
  size: source.size,
  get bytesRead() { return source.bytesRead },
  get requests() { return source.requests },
  read: (start, end, options) => source.read(start, end, options),
  [Symbol.asyncDispose]: async () => {
    onFetched(source.bytesRead)
    await source[Symbol.asyncDispose]()
  },
})
