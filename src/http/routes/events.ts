import type { App, ServerDeps } from '../deps.ts'

/** What happens, as it happens. */
export function eventRoutes(_app: App, _deps: ServerDeps): void {}
