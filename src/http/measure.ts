import { Counter, Histogram } from 'prom-client'
import type { ErrorCode } from '../domain/error-table.ts'
import type { App, ServerDeps } from './deps.ts'

/** W3C Trace Context. */
const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/

/** Every answer, in figures and as a line of the log. Gives back what counts a refusal. */
export function addMeasures(app: App, { metrics, log }: Pick<ServerDeps, 'metrics' | 'log'>): (code: ErrorCode) => void {
  const seconds = new Histogram({
    name: 'dramatis_http_request_seconds', help: 'Time from request to answer.', labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 15, 60], registers: [metrics],
  })
  const refused = new Counter({ name: 'dramatis_refusals_total', help: 'Requests that were refused, by error code.', labelNames: ['code'], registers: [metrics] })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none' // the pattern: addresses hold tokens
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    const callerTrace = TRACEPARENT.exec(String(request.headers.traceparent ?? ''))?.[1]
    log.info('http.answered', { traceId: request.id, ...(callerTrace !== undefined && { callerTrace }), method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) })
  })
  return (code) => refused.inc({ code })
}
