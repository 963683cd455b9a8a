import { rm, stat } from 'node:fs/promises'
import type { Database } from '../db/database.ts'
import { bindIdempotencyKey, findBoundObject } from '../db/idempotency-rows.ts'
import { lockFor } from '../db/lock.ts'
import { videoOf, writeFacts, type VideoFacts } from '../db/stored-video.ts'
import { findOwnVideo, findRecentVideo, findVideo, insertVideo, type VideoRow } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import { newVideoId, type VideoId } from '../domain/identifier.ts'
import type { Video } from '../domain/video.ts'
import type { Events } from '../events/events.ts'
import type { Claim, JobQueue } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { fingerprintOf } from './fingerprint.ts'
import { writeOrder, type OrderedPicture } from './order.ts'
import { planVideo, type PlanDeps, type Planned } from './plan-video.ts'
import { givenFolder, givenKey, pictureName } from './video-files.ts'
import type { PictureRequest, VideoPlan, VideoRequest } from './videos.ts'

/** For so long a request that says so is taken for the same one, sent again. */
const SAME_ANSWER_MS = 10 * 60_000

export interface AcceptDeps extends PlanDeps {
  readonly objects: ObjectStore
  readonly queue: Pick<JobQueue, 'claim'>
  readonly events: Pick<Events, 'record'>
  readonly clock: () => number
  readonly log: Log
  readonly pictureBytes: number
}

/** The dry run: pictures that came as files are taken over here as well, and are gone. */
export async function tryPlan(request: VideoRequest, deps: AcceptDeps): Promise<VideoPlan> {
  try {
    return (await plan(request, deps)).plan
  } finally {
    await endUploads(request.pictures, deps.log)
  }
}

/** Plans, writes the row with a place in the queue; or finds the video that this request, sent again, has made already. */
export async function acceptVideo(request: VideoRequest, deps: AcceptDeps): Promise<Video> {
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
  const { account, idempotencyKey, isRetry } = request
  const boundId = idempotencyKey === null ? null : await findBoundObject(db, account, idempotencyKey)
  const bound = boundId === null ? undefined : await findOwnVideo(db, account, boundId)
  if (bound || !isRetry) return bound
  return findRecentVideo(db, account, { fingerprint: fingerprintOf(request), sinceMs: nowMs - SAME_ANSWER_MS })
}

/** Of equal requests that come at once, to any process, one finds a place, which is claimed inside the transaction, and those that are sent again find its row. */
async function acceptNew(request: VideoRequest, planned: Planned, deps: AcceptDeps): Promise<VideoRow> {
  const { db, objects, clock, log } = deps
  const nowMs = clock()
  const id = newVideoId(nowMs)
  const claims: Claim[] = []
  try {
    const pictures = await keepGiven(id, request.pictures, objects)
    const row = await db.transaction().execute((trx) => findOrWrite(trx, request, { id, nowMs, planned, pictures, claims }, deps))
    for (const claim of claims) claim.start()
    if (row.id !== id) await dropGiven(id, objects, log)
    return row
  } catch (error) {
    for (const claim of claims) claim.withdraw()
    // A commit that got no answer may have gone through: its pictures, if it has not, are found when orphans are collected.
    if (!(error instanceof AppError && error.code === 'database_unavailable')) await dropGiven(id, objects, log)
    throw error
  }
}

interface Writing extends NewRow { readonly claims: Claim[] }

async function findOrWrite(trx: Database, request: VideoRequest, { claims, ...row }: Writing, { queue, events }: AcceptDeps): Promise<VideoRow> {
  const { account, traceId, idempotencyKey } = request
  const { id, nowMs } = row
  await lockFor(trx, `video:${account}:${fingerprintOf(request)}`)
  const earlier = await findEarlier(trx, request, nowMs)
  if (idempotencyKey !== null) await bindIdempotencyKey(trx, account, idempotencyKey, earlier?.id ?? id)
  if (earlier) return earlier
  claims.push(await queue.claim(trx, { id, account, traceId }))
  await writeRow(trx, request, row)
  await events.record(trx, { type: 'video.queued', account, id })
  return findWritten(trx, id)
}

async function keepGiven(id: VideoId, pictures: readonly PictureRequest[], objects: ObjectStore): Promise<readonly OrderedPicture[]> {
  return Promise.all(pictures.map(async (picture, index) => {
    if (picture.type === 'url') return picture
    const name = pictureName(index)
    const { size } = await stat(picture.path)
    await objects.putFile(givenKey(id, name), picture.path)
    return { type: 'kept', name, bytes: size } as const
  }))
}

async function dropGiven(id: VideoId, objects: ObjectStore, log: Log): Promise<void> {
  await objects.deleteFolder(givenFolder(id)).catch((error) => log.warn('video.pictures_kept', { id, error })) // found when orphans are collected
}

interface NewRow { readonly id: VideoId; readonly nowMs: number; readonly planned: Planned; readonly pictures: readonly OrderedPicture[] }

async function writeRow(db: Database, request: VideoRequest, { id, nowMs, planned, pictures }: NewRow): Promise<void> {
  const { plan, shot, routes } = planned
  const { account, pending, traceId } = request
  const { size, seconds, seed, negativePrompt, segments } = shot
  await insertVideo(db, {
    id, account, status: 'queued', progress: 0, fingerprint: fingerprintOf(request), backend: plan.backend, model: plan.model, attempts: 0, submissions: 0,
    request: writeOrder({
      segments, isChinese: plan.prompt.isChinese, cast: shot.cast.map((member) => member.id), pending, pictures, size, seconds, seed, negativePrompt,
      routes: routes.map(({ backend, model }) => ({ backend: backend.name, model: model.id })),
      warnings: plan.warnings.filter((warning) => !plan.rendered.warnings.includes(warning)),
    }),
    facts: writeFacts(factsOf(request, planned)), trace_id: traceId, created_at: nowMs, updated_at: nowMs,
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
