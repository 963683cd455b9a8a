import { glob, readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import program from '../../package.json' with { type: 'json' }
import { allMetrics, labelsOf, metricsTable } from '../../scripts/metrics-table.ts'
import { createMetrics } from './metrics.ts'

const read = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8')

const events = { figures: async () => ({ streams: 3, deliveriesPending: 7, attempts: { pending: 2, delivered: 40, failed: 1 } }) }
const lenses = { stats: { idle: 1, starting: 0, busy: 2, waiting: 5, restarts: 4 } }

/** What a scrape says, by name and labels. */
async function scrape({ registry }: Pick<ReturnType<typeof createMetrics>, 'registry'>): Promise<ReadonlyMap<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => {
    const [, name, value] = /^([a-z_0-9]+(?:\{[^{}]*\})?) (\S+)$/i.exec(line) ?? []
    if (name === undefined) throw new Error(`not in the text format: ${line}`)
    return [name, Number(value)]
  }))
}

describe('figures', () => {
  test('are what was observed, and what is looked at', async () => {
    const metrics = createMetrics({ role: 'api' })
    metrics.watch({ queues: { characters: { figures: async () => ({ waiting: 9, running: 2 }) } }, lenses, events })
    metrics.observeFetched(1000)
    metrics.observeFetched(24)
    metrics.observeEnd('completed', 1500)
    metrics.observeStep({ step: 'see', ms: 300 })
    const figures = await scrape(metrics)
    expect(Object.fromEntries(figures)).toMatchObject({
      [`dramatis_build_info{version="${program.version}",role="api"}`]: 1,
      dramatis_fetched_bytes_total: 1024, 'dramatis_characters_total{outcome="completed"}': 1, 'dramatis_step_seconds_count{step="see"}': 1,
      'dramatis_queue_waiting{queue="characters"}': 9, 'dramatis_queue_running{queue="characters"}': 2,
      'dramatis_lenses{state="idle"}': 1, 'dramatis_lenses{state="busy"}': 2, 'dramatis_lenses{state="waiting"}': 5, dramatis_lens_restarts_total: 4,
      dramatis_event_streams: 3, dramatis_webhook_deliveries_pending: 7,
      'dramatis_webhook_attempts_total{outcome="delivered"}': 40, 'dramatis_webhook_attempts_total{outcome="given_up"}': 1, 'dramatis_webhook_attempts_total{outcome="to_be_tried_again"}': 2,
    })
    expect((await scrape(metrics)).get('dramatis_lens_restarts_total')).toBe(4)
  })

  test('come also while nobody can say how long the queue is, and without that', async () => {
    const metrics = createMetrics()
    metrics.watch({
      queues: { characters: { figures: () => new Promise(() => {}) }, videos: { figures: async () => { throw new Error('no database') } } },
      lenses: null, events: { figures: async () => { throw new Error('no database') } },
    })
    const start = performance.now()
    const figures = await scrape(metrics)
    expect(performance.now() - start).toBeLessThan(2000)
    expect([...figures.keys()].filter((name) => /queue|event_streams|webhook|lens/.test(name))).toEqual([])
    expect(figures.get('dramatis_process_resident_memory_bytes')).toBeGreaterThan(0)
  })

  test('are asked for once a second, however often they are scraped', async () => {
    let asked = 0
    const metrics = createMetrics()
    metrics.watch({ queues: { characters: { figures: async () => ({ waiting: ++asked, running: 0 }) } }, lenses, events })
    await Promise.all(Array.from({ length: 5 }, () => metrics.registry.metrics()))
    expect(asked).toBe(1)
  })
})

describe('documents', () => {
  test('the table of metrics in docs/operations.md is what a process says of itself', async () => {
    expect(await read('docs/operations.md')).toContain(await metricsTable()) // npm run docs
  })

  test('the table of log events names every event, and no other', async () => {
    const inCode = new Set<string>()
    for await (const path of glob('src/**/*.ts', { cwd: new URL('../..', import.meta.url) })) {
      if (path.endsWith('.test.ts')) continue
      for (const [, first] of (await read(path)).matchAll(/\b(?:log\??\.(?:info|warn|error)|tell)\(([^,)]*)/g)) {
        for (const [, name] of first.matchAll(/['`]([a-z_]+\.[a-z_]+|[a-z_]+\.\$\{outcome\})['`]/g)) inCode.add(name.replace('${outcome}', 'OUTCOME'))
      }
    }
    const table = (await read('docs/operations.md')).split('## Log')[1]
    expect(Array.from(table.matchAll(/^\| `([a-z_]+\.[a-z_]+|[a-z_]+\.OUTCOME)` \|/gm), ([, name]) => name)).toEqual([...inCode].toSorted())
  })

  const dashboardSchema = z.object({
    panels: z.array(z.object({ id: z.int(), title: z.string(), type: z.string(), gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }), targets: z.array(z.object({ expr: z.string(), legendFormat: z.string() })).default([]) })),
    templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
  })

  test('the dashboard asks only for what is there', async () => {
    const { panels, templating } = dashboardSchema.parse(JSON.parse(await read('deploy/grafana/dramatis.json')))
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
    const registry = await allMetrics()
    const known = new Map(registry.getMetricsAsArray().map(({ name, type }) => [name, String(type)]))
    const queries = panels.flatMap(({ targets }) => targets)
    expect(queries.length).toBeGreaterThan(20)
    for (const { expr, legendFormat } of queries) {
      const names = Array.from(expr.matchAll(/\bdramatis_\w+/g), ([name]) => name)
      const base = names.map((name) => (known.has(name) ? name : name.replace(/_(?:bucket|count|sum)$/, '')))
      expect([expr, base.map((name) => known.has(name))]).toEqual([expr, [true]])
      const labels = [...labelsOf(registry, base[0]), 'instance', 'le']
      const asked = [...expr.matchAll(/\bby \(([^)]*)\)/g), ...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].flatMap(([, list]) => list.split(',').map((label) => label.trim())).concat(Array.from(expr.matchAll(/(\w+)=~?"/g), ([, label]) => label))
      expect([expr, asked.filter((label) => !labels.includes(label))]).toEqual([expr, []])
      // A rate is of what only grows, and what only grows is shown by its rate.
      const grows = ['counter', 'histogram'].includes(known.get(base[0]) ?? '')
      expect([expr, /\b(?:rate|increase)\(/.test(expr)]).toEqual([expr, grows])
    }
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance'])
  })

  test('its panels lie beside each other, none on another', async () => {
    const { panels } = dashboardSchema.parse(JSON.parse(await read('deploy/grafana/dramatis.json')))
    const taken = new Set<string>()
    for (const { gridPos: { x, y, w, h } } of panels) {
      for (let i = 0; i < w * h; i++) {
        const cell = `${x + (i % w)},${y + Math.floor(i / w)}`
        expect(taken.has(cell)).toBe(false)
        taken.add(cell)
      }
    }
  })
})
