import type { Registry } from 'prom-client'
import { createMetrics } from '../src/app/metrics.ts'
import { createServiceServer } from '../src/http/server.ts'
import { createLog } from '../src/runtime/log.ts'

/** The figures of a process that does everything, with nothing in them. */
export async function allMetrics(): Promise<Registry> {
  const { registry, watch } = createMetrics()
  watch({
    queues: { lenses: { figures: async () => ({ waiting: 0, running: 0 }) } },
    lenses: { stats: { idle: 0, starting: 0, busy: 0, waiting: 0, restarts: 0 } },
    events: { figures: async () => ({ streams: 0, deliveriesPending: 0, attempts: { pending: 0, delivered: 0, failed: 0 } }) },
  })
  await createServiceServer({
    settings: { publicUrl: 'http://127.0.0.1', syncBudgetMs: 0, uploadMaxBytes: 0, isOpen: true, isMetricsPublic: true },
    log: createLog({ level: 'silent' }), metrics: registry, readiness: () => ({ isReady: true, facts: {} }),
  })
  return registry
}

/** Every metric as a row of a Markdown table. */
export async function metricsTable(): Promise<string> {
  const registry = await allMetrics()
  const metrics = await registry.getMetricsAsJSON()
  const rows = metrics.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, help, type }) => `| \`${name}\` | ${String(type)} | ${labelsOf(registry, name).map((label) => `\`${label}\``).join(' ')} | ${help} |`)
  return ['| metric | type | labels | what it counts |', '| --- | --- | --- | --- |', ...rows].join('\n')
}

export function labelsOf(registry: Registry, name: string): readonly string[] {
  const metric: unknown = registry.getSingleMetric(name)
  const labels: unknown = typeof metric === 'object' && metric !== null && 'labelNames' in metric ? metric.labelNames : []
  return Array.isArray(labels) ? labels.map(String).filter((label) => label !== 'le') : []
}
