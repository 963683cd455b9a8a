import type { App, ServerDeps } from '../deps.ts'

/** What makes videos here, and what it can do. */
export function backendRoutes(_app: App, _deps: ServerDeps): void {}
