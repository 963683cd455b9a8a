import { join } from 'node:path'
import type { JsonObject } from '../backends/backend.ts'
import type { Backends, Route } from '../backends/backends.ts'
import { readFacts } from '../db/stored-video.ts'
import type { VideoRow } from '../db/video-rows.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { CastMember, RenderedShot, Shot } from '../domain/shot.ts'
import type { Video, VideoStep } from '../domain/video.ts'
import { notMentioned } from '../prompts/not-mentioned.ts'
import type { Prompts } from '../prompts/prompts.ts'
import { openScratch } from '../runtime/scratch.ts'
import { createSteps, type StepRecord } from '../runtime/step.ts'
import { admitCast, recallAll, type AdmitDeps } from './admit-cast.ts'
import { fetchOutput } from './fetch-output.ts'
import { whileAway } from './ask-backend.ts'
import { followToEnd, followVideo } from './follow-video.ts'
import { differences, judgeOutput } from './judge-output.ts'
import { storeOutput } from './keep-video.ts'
import { loadRequest, type LoadDeps } from './load-request.ts'
import { readOrder, type VideoOrder } from './order.ts'
import { renderFor } from './plan-video.ts'
import type { VideoLimits } from './settings.ts'
import { firstThatAnswers, routesOf, runningOf, submitTo, type Running } from './submit-video.ts'
import type { VideoNotes } from './video-notes.ts'

export interface MakeDeps extends AdmitDeps, LoadDeps {
  readonly backends: Backends
  readonly prompts: Prompts
  readonly limits: VideoLimits
  readonly settings: { readonly workFolder: string; readonly crashAt: string | null }
}

/** One run of one accepted video. */
export interface Run {
  readonly row: VideoRow
  readonly id: VideoId
  readonly attempt: number
  readonly signal: AbortSignal
  readonly notes: VideoNotes
  readonly onStep: (step: VideoStep) => void
  readonly onStepDone: (record: StepRecord<VideoStep>) => void
  /** What a backend holds, and nobody needs. */
  readonly release: (route: Route, operation: JsonObject) => void
}

/**
 * An order to a video that is kept: from its beginning, or from where a backend has taken it. Rejects with what ends a video:
 * `character_revoked`, what the backend or the lens says; or with `VideoGone`, `LeaseLost`, where nobody wants it from here any more.
 */
export async function makeVideo(run: Run, deps: MakeDeps): Promise<void> {
  const { row, id, attempt, signal, notes, release } = run
  const { limits, settings, objects, lenses, backends } = deps
  const { step } = createSteps<VideoStep>({ signal, crashAt: settings.crashAt, onEnter: run.onStep, onDone: run.onStepDone })
  await using scratch = await openScratch(settings.workFolder)
  const order = readOrder(row)

  const send = async (): Promise<Running> => {
    const cast = await step('admit', () => admit(order, run, deps))
    return firstThatAnswers(routesOf(order, backends), async (route) => {
      const { rendered, request } = await step('render', () => render(route, { order, cast, scratch: scratch.path }, run, deps))
      return step('submit', async () => {
        const operation = await submitTo(route, request, { signal, limits, release, admit: async () => { await recallAll(deps.prompts, row.account, cast.map((member) => member.id)) } })
        return noteSubmitted({ route, operation, rendered, order, cast }, run)
      })
    })
  }

  const follow = (running: Running) => step('follow', () => followVideo(running, { signal, limits, onProgress: (percent) => notes.progress(percent) }))
  const { running, finished } = await followToEnd(runningOf(row, backends) ?? await send(), { follow, send })
  const path = join(scratch.path, 'output')
  await step('fetch', () => fetchOutput(running, finished, { into: path, signal, limits }))
  const judgement = await step('judge', async () => {
    await using source = await deps.openSource({ type: 'upload', path }, { signal, scratch: scratch.path })
    return await judgeOutput(source, { lenses, deadlineMs: limits.lensMs, signal })
  })
  await step('keep', async () => {
    const files = await whileAway(() => storeOutput({ id, attempt }, { path, judgement }, { objects, signal }), { tries: limits.awayTries, waitMs: limits.retryMs, signal })
    const { width, height, durationMs } = judgement
    const said = [...finished.warnings ?? [], ...differences(judgement, order)]
    await notes.completed(files, ({ warnings }) => ({ warnings: [...warnings, ...said], output: { width, height, durationMs } }))
  })
  release(running.route, running.operation)
}

async function admit({ cast, pending }: VideoOrder, { row: { account }, signal, notes }: Run, deps: MakeDeps): Promise<readonly CastMember[]> {
  const members = await admitCast({ account, cast, pending, signal }, deps)
  await notes.facts(({ characters }) => ({ characters: members.map((member) => asShown(member, characters)) }))
  return members
}

const asShown = ({ id, username, revision }: CastMember, before: Video['characters']): Video['characters'][number] =>
  ({ id, username, revision, mentions: before.find((character) => character.id === id)?.mentions ?? [] })

interface Rendering { readonly order: VideoOrder; readonly cast: readonly CastMember[]; readonly scratch: string }

/** Again, from what is true now. */
async function render(route: Route, { order, cast, scratch }: Rendering, { row, id, signal }: Run, deps: MakeDeps) {
  const { segments, size, seconds, seed, negativePrompt, pictures, isChinese } = order
  const shot: Shot = { segments, cast, size, seconds, seed, negativePrompt, pictures: pictures.length }
  const rendered = renderFor(route, shot, { isChinese, backends: deps.backends })
  const { id: model, capabilities } = route.model
  const request = await loadRequest({ id, model, capabilities, rendered, pictures, prompt: readFacts(row).prompt, isChinese, scratch, signal }, deps)
  return { rendered, request }
}

interface Submitted { readonly route: Route; readonly operation: JsonObject; readonly rendered: RenderedShot; readonly order: VideoOrder; readonly cast: readonly CastMember[] }

/** Before anything else happens: from here on a restart follows the video instead of sending it again. */
async function noteSubmitted({ route, operation, rendered, order, cast }: Submitted, { notes, release }: Run): Promise<Running> {
  try {
    const arrived = cast.slice(order.cast.length)
    const warnings = [...order.warnings, ...arrived.map(({ username }) => notMentioned(username)), ...rendered.warnings]
    const { submissions } = await notes.submitted({ backend: route.backend.name, model: route.model.id, operation: JSON.stringify(operation) }, () => ({ compiledPrompt: rendered.prompt, warnings }))
    return { route, operation, submissions }
  } catch (error) {
    release(route, operation)
    throw error
  }
}
