/** One stored file of a character or a video, as its row lists it. */
export interface StoredFile {
  readonly name: string
  /** Of the object. */
  readonly key: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  webp: 'image/webp', jpg: 'image/jpeg', png: 'image/png', wav: 'audio/wav',
  mp4: 'video/mp4', mov: 'video/quicktime', webm: 'video/webm', mkv: 'video/matroska', ts: 'video/mp2t', gif: 'image/gif',
}

export const contentTypeOf = (name: string): string => CONTENT_TYPES[name.split('.')[1]]

/** A folder of objects for each owner, and in it one for each try, so that what a try writes late is read by nobody. */
export const objectKey = (ownerId: string, attempt: number, name: string): string => `${ownerId}/${attempt}/${name}`

/** What a row lists. Files of before there were folders for tries lie directly in the folder of their owner. */
export const readStoredFiles = (ownerId: string, json: string | null): readonly StoredFile[] =>
  (JSON.parse(json ?? '[]') as readonly (Omit<StoredFile, 'key'> & Partial<StoredFile>)[]).map((file) => ({ ...file, key: file.key ?? `${ownerId}/${file.name}` }))
