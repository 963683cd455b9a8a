/** One stored file of a character or a video, as its row lists it. */
export interface StoredFile { readonly name: string; readonly bytes: number; /** Hex. */ readonly sha256: string }

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  webp: 'image/webp', jpg: 'image/jpeg', png: 'image/png', wav: 'audio/wav',
  mp4: 'video/mp4', mov: 'video/quicktime', webm: 'video/webm', mkv: 'video/matroska', ts: 'video/mp2t', gif: 'image/gif',
}

export const contentTypeOf = (name: string): string => CONTENT_TYPES[name.split('.')[1]]

/** A folder of objects for each owner: ids are lower case, media tokens are not. */
export const objectKey = (ownerId: string, name: string): string => `${ownerId}/${name}`
