import type { BackendModel, BackendRequest } from '../../src/backends/backend.ts'
import type { MediaKind } from '../../src/domain/capabilities.ts'
import { newCharacterId, newVideoId } from '../../src/domain/identifier.ts'

type SentReference = BackendRequest['references'][number]

/** A reference whose bytes are its name. */
export function reference(n: number, { kind = 'image', mime = 'image/png' }: { kind?: MediaKind; mime?: string } = {}): SentReference {
  const bytes = Buffer.from(`${kind} ${n}`)
  return {
    of: 'character', cast: 0, character: newCharacterId(), file: { name: `portrait.${mime.split('/')[1]}`, key: 'char_1/1/portrait', bytes: bytes.length, sha256: '0'.repeat(64) }, form: 'as-is',
    kind, n, mime, bytes,
  }
}

interface Changes { readonly references?: readonly SentReference[]; readonly shot?: Partial<BackendRequest['shot']> }

/** The least that a model takes: its first size, its shortest length, one picture where it takes one. */
export function backendRequest({ id, capabilities }: BackendModel, { shot = {}, references }: Changes = {}): BackendRequest {
  const { sizes, seconds, kinds } = capabilities
  const sent = references ?? (kinds.image && capabilities.maxReferences > 0 ? [reference(1, { mime: kinds.image.mimes[0] })] : [])
  return {
    videoId: newVideoId(),
    model: id,
    shot: {
      prompt: 'a woman with red hair dances', references: sent, firstFrame: null, size: sizes[0], seconds: 'min' in seconds ? seconds.min : seconds[0], seed: null, negativePrompt: null, warnings: [], ...shot,
    },
    references: sent,
    firstFrame: null,
    caption: '@ana dances',
    language: 'en',
  }
}
