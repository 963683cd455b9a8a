import type { App, ServerDeps } from '../deps.ts'

/** Door B's characters. */
export function videoCharacterRoutes(_app: App, _deps: ServerDeps): void {}
