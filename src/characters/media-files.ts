/** One stored file of a character, as its row lists it. */
export interface MediaFile { readonly name: string; readonly bytes: number; readonly sha256: string }

const CONTENT_TYPES: Readonly<Record<string, string>> = { webp: 'image/webp', mp4: 'video/mp4', wav: 'audio/wav' }

export const contentTypeOf = (name: string): string => CONTENT_TYPES[name.split('.')[1]]

/** A folder of objects for each character: ids are lower case, media tokens are not. */
export const objectKey = (characterId: string, name: string): string => `${characterId}/${name}`
