import type { VideoOperation } from '../domain/capabilities.ts'
import type { Backend, BackendHealth, BackendModel } from './backend.ts'

/** A backend and the model of it that would make a video. */
export interface Route { readonly backend: Backend; readonly model: BackendModel }

/** What `model` asks for. */
export interface Routing {
  /** First choice first; the others are tried when one cannot be reached. Never empty. */
  readonly routes: readonly [Route, ...Route[]]
  /** Another model was asked for than the one that is used: `sora-2*` has none here. */
  readonly isSubstituted: boolean
}

export interface Backends {
  /** In the order of the settings; the embedded one last, unless they place it. */
  readonly all: readonly Backend[]
  /** `model` is a model id, a backend's name, `sora-2*` or null. Throws `model_not_found` with the known ones. */
  route(model: string | null): Routing
  /** The model of a stored video, or null when the settings no longer have it. */
  find(backend: string, model: string): Route | null
  /** Names of the backends with a model that can do this. */
  thatCan(operation: VideoOperation): readonly string[]
  health(backend: Backend, options: { readonly signal: AbortSignal }): Promise<BackendHealth>
}
