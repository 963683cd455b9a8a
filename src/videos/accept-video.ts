import { rm, stat } from 'node:fs/promises'
import type { Database } from '../db/database.ts'
import { videoOf, writeFacts, type VideoFacts } from '../db/stored-video.ts'
import { findRecentVideo, findVideo, insertVideo, type VideoRow } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import { newVideoId, type VideoId } from '../domain/identifier.ts'
import type { Video } from '../domain/video.ts'
import type { Events } from '../events/events.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { fingerprintOf } from './fingerprint.ts'
import { writeOrder, type OrderedPicture } from './order.ts'
import { planVideo, type PlanDeps, type Planned } from './plan-video.ts'
import { bytesOfFile, givenFolder, givenKey, pictureName } from './video-files.ts'
import type { ClaimedVideo } from './video-jobs.ts'
import type { PictureRequest, VideoPlan, VideoRequest } from './videos.ts'

/** For so long a request that says so is taken for the same one, sent again. */
const SAME_ANSWER_MS = 10 * 60_000

export interface AcceptDeps extends PlanDeps {
  readonly objects: ObjectStore
  readonly events: Pick<Events, 'record'>
  readonly clock: () => number
  readonly log: Log
  readonly pictureBytes: number
}

export interface Acceptance extends AcceptDeps {
  /** Takes a place in the queue. Throws `queue_full`, `shutting_down`. */
  readonly claim: () => ClaimedVideo
}

/** The dry run: pictures that came as files are taken over here as well, and are gone. */
export async function tryPlan(request: VideoRequest, deps: AcceptDeps): Promise<VideoPlan> {
  try {
    return (await plan(request, deps)).plan
  } finally {
    await endUploads(request.pictures, deps.log)
  }
}

/** Plans, writes the row and starts the job; or finds the video that this request, sent again, has made already. */
export async function acceptVideo(request: VideoRequest, deps: Acceptance): Promise<Video> {
  try {
    const earlier = await findEarlier(deps.db, request, deps.clock())
    return videoOf(earlier ?? await acceptNew(request, await plan(request, deps), deps))
  } finally {
    await endUploads(request.pictures, deps.log)
  }
}

async function plan(request: VideoRequest, deps: AcceptDeps): Promise<Planned> {
  await refuseLarge(request.pictures, deps.pictureBytes)
  return planVideo(request, deps)
}

async function refuseLarge(pictures: readonly PictureRequest[], mostBytes: number): Promise<void> {
  for (const picture of pictures) {
    if (picture.type === 'url') continue
    const { size } = await stat(picture.path)
    if (size > mostBytes) throw new AppError('request_too_large', { details: { max_bytes: mostBytes } })
  }
}

async function findEarlier(db: Database, request: VideoRequest, nowMs: number): Promise<VideoRow | undefined> {
  if (!request.isRetry) return undefined
  return findRecentVideo(db, request.account, { fingerprint: fingerprintOf(request), sinceMs: nowMs - SAME_ANSWER_MS })
}

/** Of equal requests that come at once one finds a place, which is claimed inside the transaction, and the others find its row. */
async function acceptNew(request: VideoRequest, planned: Planned, { db, objects, events, clock, claim }: Acceptance): Promise<VideoRow> {
  const nowMs = clock()
  const id = newVideoId(nowMs)
  const claimed: ClaimedVideo[] = []
  try {
    const pictures = await keepGiven(id, request.pictures, objects)
    const row = await db.transaction().execute(async (trx) => {
      const earlier = await findEarlier(trx, request, nowMs)
      if (earlier) return earlier
      claimed.push(claim())
      await writeRow(trx, request, { id, nowMs, planned, pictures })
      await events.record(trx, { type: 'video.queued', account: request.account, id })
      return findWritten(trx, id)
    })
    if (claimed.length === 0) await objects.deleteFolder(givenFolder(id))
    for (const job of claimed) job.start(id)
    return row
  } catch (error) {
    for (const job of claimed) job.withdraw()
    await objects.deleteFolder(givenFolder(id))
    throw error
  }
}

async function keepGiven(id: VideoId, pictures: readonly PictureRequest[], objects: ObjectStore): Promise<readonly OrderedPicture[]> {
  return Promise.all(pictures.map(async (picture, index) => {
    if (picture.type === 'url') return picture
    const name = pictureName(index)
    const { size } = await stat(picture.path)
    await objects.put(givenKey(id, name), bytesOfFile(picture.path))
    return { type: 'kept', name, bytes: size } as const
  }))
}

interface NewRow { readonly id: VideoId; readonly nowMs: number; readonly planned: Planned; readonly pictures: readonly OrderedPicture[] }

async function writeRow(db: Database, request: VideoRequest, { id, nowMs, planned, pictures }: NewRow): Promise<void> {
  const { plan, shot, routes } = planned
  const { account, pending } = request
  const { size, seconds, seed, negativePrompt, segments } = shot
  await insertVideo(db, {
    id, account, status: 'queued', progress: 0, fingerprint: fingerprintOf(request), backend: plan.backend, model: plan.model, attempts: 0, submissions: 0,
    request: writeOrder({
      segments, isChinese: plan.prompt.isChinese, cast: shot.cast.map((member) => member.id), pending, pictures, size, seconds, seed, negativePrompt,
      routes: routes.map(({ backend, model }) => ({ backend: backend.name, model: model.id })),
      warnings: plan.warnings.filter((warning) => !plan.rendered.warnings.includes(warning)),
    }),
    facts: writeFacts(factsOf(request, planned)), created_at: nowMs, updated_at: nowMs,
  })
}

function factsOf({ prompt, pending }: VideoRequest, { plan, shot, source }: Planned): VideoFacts {
  const awaited = pending.map((id) => ({ id, username: null, revision: 1, mentions: [] }))
  return {
    prompt, compiledPrompt: null, size: shot.size, seconds: shot.seconds, characters: [...plan.prompt.characters, ...awaited],
    warnings: plan.warnings, remixedFrom: source?.video.id ?? null, output: null, step: null, deaths: {},
  }
}

async function findWritten(db: Database, id: VideoId): Promise<VideoRow> {
  const row = await findVideo(db, id)
  if (!row) throw new Error(`the row of ${id} was written and is not there`)
  return row
}

/** Files were handed over with their request: what is needed of them is among the objects by now. */
async function endUploads(pictures: readonly PictureRequest[], log: Log): Promise<void> {
  for (const picture of pictures) {
    if (picture.type === 'upload') await rm(picture.path, { force: true }).catch((error) => log.warn('upload.kept', { error }))
  }
}
