import type { App, ServerDeps } from '../deps.ts'

/** Webhook endpoints and their deliveries. */
export function webhookRoutes(_app: App, _deps: ServerDeps): void {}
