import type { Backends, Route, Routing } from '../backends/backends.ts'
import type { Capabilities, VideoOperation } from '../domain/capabilities.ts'
import { AppError } from '../domain/errors.ts'
import { renderShot, type RenderFacts } from '../domain/render-shot.ts'
import { phrase } from '../domain/phrase.ts'
import type { RenderedShot, Shot, VideoWarning } from '../domain/shot.ts'
import type { Database } from '../db/database.ts'
import type { Prompts, ResolvedPrompt } from '../prompts/prompts.ts'
import { chooseSeconds, chooseSize } from './choose-shape.ts'
import { findSource, type Source } from './take-over.ts'
import type { VideoPlan, VideoRequest } from './videos.ts'

export interface PlanDeps { readonly db: Database; readonly backends: Backends; readonly prompts: Prompts }

export interface Planned {
  readonly plan: VideoPlan
  readonly shot: Shot
  /** Those that can make it; never empty. */
  readonly routes: readonly Route[]
  readonly source: Source | null
}

/** What a request means. Everything that can be refused before a row is written is refused here. */
export async function planVideo(request: VideoRequest, { db, backends, prompts }: PlanDeps): Promise<Planned> {
  const source = await findSource(db, request)
  const routing = routeOf(request, source, backends)
  const prompt = await resolvePrompt(request, source, prompts)
  const [first, ...others] = routing.routes
  refuseOperation(first, source, backends)
  refuseCrowd(first, prompt.cast.length + request.pending.length)
  const shot = shotOf(request, { prompt, source, first })
  const render = (route: Route): RenderedShot => renderFor(route, shot, { isChinese: prompt.isChinese, backends })
  const rendered = render(first)
  return {
    plan: {
      backend: first.backend.name, model: first.model.id, capabilities: first.model.capabilities, prompt, rendered,
      warnings: [...substitution(routing, first), ...prompt.warnings, ...rendered.warnings],
    },
    shot, source,
    routes: [first, ...others.filter((route) => canDo(route, source) && isTaken(() => render(route)))],
  }
}

/** `BACKEND` or `BACKEND (MODEL)`: what messages call it. */
const nameOf = ({ backend, model }: Route): string => (backend.name === model.id ? backend.name : `${backend.name} (${model.id})`)

export const renderFor = (route: Route, shot: Shot, { isChinese, backends }: { readonly isChinese: boolean; readonly backends: Backends }): RenderedShot =>
  renderShot(shot, route.model.capabilities, { what: nameOf(route), isChinese, known: othersThan(route, backends) })

/** Names of backends, each of which means its first model. */
function othersThan({ backend }: Route, { all }: Backends): RenderFacts['known'] {
  const namesWhere = (fits: (can: Capabilities) => boolean): readonly string[] =>
    all.filter(({ name, models: [first] }) => name !== backend.name && fits(first.capabilities)).map(({ name }) => name)
  return {
    people: namesWhere(({ faces }) => faces === 'ok'),
    pictures: namesWhere(({ firstFrame, kinds }) => firstFrame !== 'none' || kinds.image !== undefined),
  }
}

function routeOf({ model }: VideoRequest, source: Source | null, backends: Backends): Routing {
  if (model !== null || source === null) return backends.route(model)
  const same = backends.find(source.video.backend, source.video.model)
  return same === null ? { ...backends.route(null), isSubstituted: true } : { routes: [same], isSubstituted: false }
}

/** The cast of the source comes along where the new words call nobody. */
async function resolvePrompt({ account, prompt: text, characters, pending, unknownMentions }: VideoRequest, source: Source | null, prompts: Prompts): Promise<ResolvedPrompt> {
  const resolved = await prompts.resolve({ account, text, characters, unknownMentions })
  const castOfSource = source?.video.characters.map(({ id }) => id) ?? []
  if (resolved.cast.length > 0 || pending.length > 0 || castOfSource.length === 0) return resolved
  return prompts.resolve({ account, text, characters: castOfSource, unknownMentions })
}

/** A remix is a new video: every model can do that. */
const operationOf = (source: Source | null): VideoOperation | null => (source === null || source.how === 'remix' ? null : source.how)

function canDo({ model }: Route, source: Source | null): boolean {
  const operation = operationOf(source)
  return operation === null || model.capabilities.operations.includes(operation)
}

function refuseOperation(route: Route, source: Source | null, backends: Backends): void {
  const operation = operationOf(source)
  if (operation === null || canDo(route, source)) return
  throw new AppError('operation_unsupported', { details: { what: nameOf(route), operation, known: backends.thatCan(operation) } })
}

/** What is still made is not rendered yet, but counts. */
function refuseCrowd(route: Route, asked: number): void {
  const limit = route.model.capabilities.maxCharacters
  if (asked > limit) throw new AppError('too_many_characters', { param: 'prompt', details: { what: nameOf(route), limit, asked } })
}

function shotOf(request: VideoRequest, { prompt, source, first }: { readonly prompt: ResolvedPrompt; readonly source: Source | null; readonly first: Route }): Shot {
  const { segments, cast } = prompt
  return {
    segments, cast, size: sizeOf(request, source, first), seconds: secondsOf(request, source, first.model.capabilities),
    seed: request.seed, negativePrompt: request.negativePrompt, pictures: request.pictures.length,
  }
}

function sizeOf({ size, orientation }: VideoRequest, source: Source | null, route: Route): string {
  const { capabilities } = route.model
  if (size !== null) return size
  if (orientation === null && source !== null && capabilities.sizes.includes(source.video.size)) return source.video.size
  const chosen = chooseSize(capabilities, orientation)
  if (chosen === null) throw new AppError('invalid_parameter', { param: 'orientation', details: { reason: phrase(`${nameOf(route)} makes no ${orientation} videos`, `${nameOf(route)} 不支持该画面方向`), allowed: capabilities.sizes } })
  return chosen
}

/** An extension asks for what comes on top. What is taken over or left open is bent to what the model makes; what is asked for is not. */
function secondsOf({ seconds }: VideoRequest, source: Source | null, can: Capabilities): number {
  if (source?.how === 'extend') return source.video.seconds + (seconds ?? chooseSeconds(can))
  return seconds ?? chooseSeconds(can, source?.video.seconds)
}

const substitution = ({ isSubstituted }: Routing, route: Route): readonly VideoWarning[] =>
  (isSubstituted ? [{ code: 'model_substituted', message: `The model that was asked for is not here; ${nameOf(route)} makes the video.` }] : [])

/** Whether another backend could stand in: one that would refuse the shot cannot. */
function isTaken(render: () => RenderedShot): boolean {
  try {
    render()
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}
