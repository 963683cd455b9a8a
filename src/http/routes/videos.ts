import type { App, ServerDeps } from '../deps.ts'

/** Door B: the Videos API. */
export function videoRoutes(_app: App, _deps: ServerDeps): void {}
