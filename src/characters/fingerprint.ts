import type { CreateRequest, SourceRequest, StoredSource } from './requests.ts'
import { sha256 } from '../runtime/sha256.ts'

/**
 * What makes two requests the same: source, window, and the options that change the result. Hex, of parsed fields only,
 * so a file that is sent again in another multipart body is the same. The account is compared beside it.
 */
export function fingerprintOf({ source, window, options }: Pick<CreateRequest, 'window' | 'options'> & { readonly source: SourceRequest | StoredSource }): string {
  const { username, aliases, displayName, description, tags, metadata, subject, isStrict, consent } = options
  const fields = [
    sourceKey(source), window && [window.startMs, window.endMs],
    username, aliases, displayName, description, tags, Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    subject && ('id' in subject ? [subject.id] : [subject.point, subject.seconds]), isStrict,
    // When it was recorded is the time of the request, and every request has its own.
    consent && [consent.basis, consent.by, consent.note],
  ]
  return sha256(JSON.stringify(fields))
}

function sourceKey(source: SourceRequest | StoredSource): string {
  if (source.type !== 'url') return `sha256:${source.sha256}`
  const url = new URL(source.url)
  url.hash = ''
  return url.href
}
