import type { MediaKind } from '../domain/capabilities.ts'
import type { BackendRequest, Picture } from './backend.ts'

const EXTENSIONS: Readonly<Record<string, string>> = {
  'image/png': 'png', 'image/jpeg': 'jpg', 'image/webp': 'webp', 'video/mp4': 'mp4', 'video/quicktime': 'mov', 'audio/wav': 'wav', 'audio/mpeg': 'mp3',
}

/** Named after what it is: some servers judge a file by its name alone. */
export function referenceFile({ mime, bytes }: Picture, { kind, n }: { readonly kind: MediaKind; readonly n: number }): File {
  return new File([new Uint8Array(bytes)], `${kind}${n}.${EXTENSIONS[mime] ?? mime.split('/')[1]}`, { type: mime })
}

/** The files of a request, the first frame before the references. */
export function filesOf({ references, firstFrame }: BackendRequest): readonly File[] {
  const first = firstFrame === null ? [] : [referenceFile(firstFrame, { kind: 'image', n: 0 })]
  return [...first, ...references.map((reference) => referenceFile(reference, reference))]
}
