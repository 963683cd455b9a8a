import type { App, ServerDeps } from '../deps.ts'

/** The dry run of a prompt. */
export function promptRoutes(_app: App, _deps: ServerDeps): void {}
