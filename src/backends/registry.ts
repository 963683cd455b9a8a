import type { VideoOperation } from '../domain/capabilities.ts'
import { AppError } from '../domain/errors.ts'
import type { Backend } from './backend.ts'
import type { Backends, Route, Routing } from './backends.ts'
import { createHealthChecks, type HealthCheckOptions } from './health-checks.ts'

/** A model of the service that this one's clients were written for. Nothing here makes its videos. */
const SUBSTITUTED = /^sora-2/i
/** Names an error lists, at most. */
const MOST_KNOWN = 20

type AtLeastOne<T> = readonly [T, ...T[]]

/** What routes to `all`, which is in the order of preference and names each backend once. */
export function createBackends(all: AtLeastOne<Backend>, healthChecks: HealthCheckOptions): Backends {
  const routes = all.flatMap(routesOf)
  return {
    all,
    route: (model) => route(model, { all, routes }),
    find: (backend, model) => routes.find((route) => route.backend.name === backend && route.model.id === model) ?? null,
    thatCan: (operation) => all.filter((backend) => canDo(backend, operation)).map(({ name }) => name),
    health: createHealthChecks(healthChecks),
  }
}

interface Known { readonly all: AtLeastOne<Backend>; readonly routes: readonly Route[] }

const routesOf = (backend: Backend): readonly Route[] => backend.models.map((model) => ({ backend, model }))

const canDo = ({ models }: Backend, operation: VideoOperation): boolean => models.some(({ capabilities }) => capabilities.operations.includes(operation))

type Fold = (text: string) => string
/** As written first: two models may differ by case alone. */
const FOLDS: readonly Fold[] = [(text) => text, (text) => text.toLowerCase()]

function route(model: string | null, known: Known): Routing {
  if (model === null) return { routes: defaultRoutes(known), isSubstituted: false }
  for (const fold of FOLDS) {
    const found = routesTo(model, fold, known)
    if (found !== null) return { routes: found, isSubstituted: false }
  }
  if (SUBSTITUTED.test(model)) return { routes: defaultRoutes(known), isSubstituted: true }
  throw new AppError('model_not_found', { param: 'model', details: { known: knownNames(known) } })
}

/** A model id means every backend that has it, so that one can stand in for another; a backend's name means that backend. */
function routesTo(model: string, fold: Fold, { all, routes }: Known): AtLeastOne<Route> | null {
  const isAsked = (name: string): boolean => fold(name) === fold(model)
  const [first, ...others] = routes.filter(({ model: { id } }) => isAsked(id))
  if (first !== undefined) return [first, ...others]
  const named = all.find(({ name }) => isAsked(name))
  return named === undefined ? null : [firstRoute(named)]
}

function defaultRoutes({ all, routes }: Known): AtLeastOne<Route> {
  const first = firstRoute(all[0])
  return [first, ...routes.filter(({ backend, model }) => backend !== first.backend && model.id === first.model.id)]
}

const firstRoute = (backend: Backend): Route => ({ backend, model: backend.models[0] })

function knownNames({ all, routes }: Known): readonly string[] {
  const names = new Set([...routes.map(({ model }) => model.id), ...all.map(({ name }) => name)])
  return [...names].slice(0, MOST_KNOWN)
}
