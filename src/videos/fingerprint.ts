import { sha256 } from '../runtime/sha256.ts'
import type { PictureRequest, VideoRequest } from './videos.ts'

/** What makes two requests the same: all that was asked for. Hex, of parsed fields only, so a file that is sent again in another multipart body is the same. The account is compared beside it. */
export function fingerprintOf({ prompt, model, size, orientation, seconds, characters, pending, pictures, seed, negativePrompt, unknownMentions, from }: Omit<VideoRequest, 'account' | 'isRetry' | 'traceId' | 'idempotencyKey'>): string {
  const fields = [prompt, model, size, orientation, seconds, characters, pending, pictures.map(pictureKey), seed, negativePrompt, unknownMentions, from && [from.id, from.how]]
  return sha256(JSON.stringify(fields))
}

const pictureKey = (picture: PictureRequest): string => (picture.type === 'url' ? `url:${picture.url}` : `sha256:${picture.sha256}`)
