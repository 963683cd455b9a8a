import type { Database } from '../db/database.ts'
import { listVectors } from '../db/vector-rows.ts'
import { setVerification } from '../db/video-rows.ts'
import type { CastMember } from '../domain/shot.ts'
import type { Verification } from '../domain/verification.ts'
import type { Video } from '../domain/video.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { openObjectSource } from '../objects/object-source.ts'
import type { Prompts } from '../prompts/prompts.ts'
import { lensFailed, onLens } from './on-lens.ts'
import { completedOf, fileOf, findOne } from './read-videos.ts'
import { verifyCast, type VerifiedMember } from './verify-cast.ts'

export interface VerifyDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly prompts: Pick<Prompts, 'recall'>
  readonly lenses: Pick<Lenses, 'open'>
  readonly clock: () => number
  readonly signal: AbortSignal
  readonly deadlineMs: number
}

/** Looks at a finished video and keeps what was found. Rejects with `video_not_ready`, `video_failed`, `video_not_found` for one deleted meanwhile, `lens_failed`, `media_*`, or the signal's reason. */
export async function verifyVideo(video: Video, deps: VerifyDeps): Promise<Verification> {
  try {
    return await look(video, deps)
  } catch (error) {
    await findOne(deps.db, video.account, video.id) // the files of one that is deleted are not out of reach, they are gone
    throw error
  }
}

async function look(video: Video, { db, objects, prompts, lenses, clock, signal, deadlineMs }: VerifyDeps): Promise<Verification> {
  const { key, bytes } = fileOf(completedOf(video), 'video')
  const cast = await presentCast(video, { db, objects, prompts })
  await using source = openObjectSource(objects, key, bytes)
  const verification = await onLens(source, (lens) => verifyCast(lens, cast, { clock }), { lenses, signal, deadlineMs, onDeaths: lensFailed })
  await setVerification(db, video.id, JSON.stringify(verification))
  return verification
}

/** Who was deleted, or may no longer be used, is not looked for. */
async function presentCast({ account, characters }: Video, { db, objects, prompts }: Pick<VerifyDeps, 'db' | 'objects' | 'prompts'>): Promise<readonly VerifiedMember[]> {
  const recalled = await prompts.recall(account, characters.map(({ id }) => id))
  const present = recalled.filter((member) => member !== null)
  const vectors = await listVectors(db, present.map(({ id }) => id))
  return Promise.all(present.map(async (member) => ({
    id: member.id, username: member.username, vectors: vectors.get(member.id) ?? [], figure: await figureOf(member, objects),
  })))
}

async function figureOf({ media }: CastMember, objects: ObjectStore): Promise<Uint8Array> {
  const { key, bytes } = media.cutout ?? media.portrait
  await using source = openObjectSource(objects, key, bytes)
  return (await source.read(0, bytes, { isPlanned: true })).bytes
}
