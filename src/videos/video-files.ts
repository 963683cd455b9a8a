import { createReadStream } from 'node:fs'
import { isVideoId, type VideoId } from '../domain/identifier.ts'

// Where the objects of videos lie. What was given is apart from what was made: it goes when the video is made, and the rest stays.

const GIVEN = '-given'

/** The folder of the pictures that came with the request of a video. */
export const givenFolder = (id: VideoId): string => `${id}${GIVEN}`
export const givenKey = (id: VideoId, name: string): string => `${givenFolder(id)}/${name}`
/** Of what one try made. */
export const tryFolder = ({ id, attempt }: { readonly id: VideoId; readonly attempt: number }): string => `${id}/${attempt}`
export const pictureName = (index: number): string => `picture-${index + 1}`

/** A file of ours, opened when it is first read. */
export async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array, void> { yield* createReadStream(path) }

/** Whose folder of objects it is, and which of the two; null for those of others. */
export function ownerOf(folder: string): { readonly id: VideoId; readonly isGiven: boolean } | null {
  const isGiven = folder.endsWith(GIVEN)
  const id = isGiven ? folder.slice(0, -GIVEN.length) : folder
  return isVideoId(id) ? { id, isGiven } : null
}
