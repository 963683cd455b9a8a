import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import program from '../../package.json' with { type: 'json' }
import type { EventFigures } from '../events/events.ts'
import type { LensStats } from '../jail/lens-pool.ts'
import type { QueueFigures } from '../jobs/job-queue.ts'
import type { VideoStep } from '../domain/video.ts'
import type { StepRecord } from '../runtime/step.ts'

/** What is looked at when somebody asks for figures. */
export interface Watched {
  readonly queues: Readonly<Record<string, { figures(): Promise<QueueFigures> }>>
  /** Null in a process without any. */
  readonly lenses: { readonly stats: LensStats } | null
  readonly events: { figures(): Promise<EventFigures> }
}

/** What the service measures of itself, for Prometheus. */
export interface Metrics {
  readonly registry: Registry
  observeStep(record: StepRecord): void
  observeEnd(outcome: string, ms: number): void
  observeVideoStep(record: StepRecord<VideoStep>): void
  observeVideoEnd(outcome: string, ms: number): void
  /** Bytes that were read of sources at addresses. */
  observeFetched(bytes: number): void
  /** To be called once. */
  watch(watched: Watched): void
}

export function createMetrics({ role = 'all' }: { readonly role?: string } = {}): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'dramatis_' })
  const registers = [registry]
  new Gauge({ name: 'dramatis_build_info', help: 'Always 1: which version runs, and in what role.', labelNames: ['version', 'role'], registers }).set({ version: program.version, role }, 1)
  const steps = new Histogram({ name: 'dramatis_step_seconds', help: 'Time of one step of making a character.', labelNames: ['step'], buckets: [0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 5, 15], registers })
  const ends = new Counter({ name: 'dramatis_characters_total', help: 'Requests for a character that came to an end.', labelNames: ['outcome'], registers })
  const seconds = new Histogram({ name: 'dramatis_character_seconds', help: 'From the place in the queue to the end.', buckets: [0.25, 0.5, 1, 2, 5, 10, 20, 50], registers })
  const videoSteps = new Histogram({ name: 'dramatis_video_step_seconds', help: 'Time of one step of making a video.', labelNames: ['step'], buckets: [0.02, 0.1, 0.5, 2, 10, 60, 300, 1800], registers })
  const videoEnds = new Counter({ name: 'dramatis_videos_total', help: 'Videos that came to an end.', labelNames: ['outcome'], registers })
  const videoSeconds = new Histogram({ name: 'dramatis_video_seconds', help: 'From the place in the queue to the end.', buckets: [1, 5, 15, 60, 300, 900, 3600], registers })
  const fetched = new Counter({ name: 'dramatis_fetched_bytes_total', help: 'Bytes read of sources at addresses.', registers })
  return {
    registry,
    observeVideoStep: ({ step, ms }) => videoSteps.observe({ step }, ms / 1000),
    observeVideoEnd: (outcome, ms) => {
      videoEnds.inc({ outcome })
      videoSeconds.observe(ms / 1000)
    },
    observeStep: ({ step, ms }) => steps.observe({ step }, ms / 1000),
    observeEnd: (outcome, ms) => {
      ends.inc({ outcome })
      seconds.observe(ms / 1000)
    },
    observeFetched: (bytes) => fetched.inc(bytes),
    watch: ({ queues, lenses, events }) => {
      watchQueues(queues, registry)
      if (lenses !== null) watchLenses(lenses, registry)
      watchEvents(events, registry)
    },
  }
}

function watchQueues(queues: Watched['queues'], registry: Registry): void {
  const asks = Object.entries(queues).map(([queue, jobs]) => ({ queue, ask: remembered(() => jobs.figures()) }))
  const gauge = (name: string, help: string, read: (figures: QueueFigures) => number) => registry.registerMetric(new Gauge({
    name, help, labelNames: ['queue'], registers: [],
    async collect() {
      this.reset()
      for (const { queue, ask } of asks) {
        const figures = await ask()
        if (figures !== null) this.set({ queue }, read(figures))
      }
    },
  }))
  gauge('dramatis_queue_waiting', 'Jobs that wait for their turn, of all processes together.', ({ waiting }) => waiting)
  gauge('dramatis_queue_running', 'Jobs under way, of all processes together.', ({ running }) => running)
}

function watchLenses(lenses: NonNullable<Watched['lenses']>, registry: Registry): void {
  registry.registerMetric(new Gauge({
    name: 'dramatis_lenses', help: 'Lenses by what they do, and in `waiting` the jobs that wait for one.', labelNames: ['state'], registers: [],
    collect() {
      const { idle, starting, busy, waiting } = lenses.stats
      for (const [state, count] of Object.entries({ idle, starting, busy, waiting })) this.set({ state }, count)
    },
  }))
  registry.registerMetric(new Counter({
    name: 'dramatis_lens_restarts_total', help: 'Lenses that died or had to be ended.', registers: [],
    collect() {
      this.reset()
      this.inc(lenses.stats.restarts)
    },
  }))
}

const OUTCOMES = { delivered: 'delivered', failed: 'given_up', pending: 'to_be_tried_again' } as const

function watchEvents(events: Watched['events'], registry: Registry): void {
  const ask = remembered(() => events.figures())
  registry.registerMetric(new Gauge({ name: 'dramatis_event_streams', help: 'Open event streams.', registers: [], async collect() { await setOrReset(this, (await ask())?.streams) } }))
  registry.registerMetric(new Gauge({ name: 'dramatis_webhook_deliveries_pending', help: 'Webhook deliveries that are still owed, of all processes together.', registers: [], async collect() { await setOrReset(this, (await ask())?.deliveriesPending) } }))
  registry.registerMetric(new Counter({
    name: 'dramatis_webhook_attempts_total', help: 'Attempts to deliver a webhook, by what came of them.', labelNames: ['outcome'], registers: [],
    async collect() {
      const figures = await ask()
      this.reset()
      if (figures !== null) for (const status of ['delivered', 'failed', 'pending'] as const) this.inc({ outcome: OUTCOMES[status] }, figures.attempts[status])
    },
  }))
}

async function setOrReset(gauge: Gauge, value: number | undefined): Promise<void> {
  if (value === undefined) gauge.remove()
  else gauge.set(value)
}

const REMEMBERED_MS = 1000
const PATIENCE_MS = 1000

/** Asked once a second at most, however many want to know. Null where no answer comes, or none in time: figures are shown without it. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T | null> {
  let last: Promise<T | null> | null = null
  let askedAt = -Infinity
  return () => {
    if (last !== null && performance.now() - askedAt < REMEMBERED_MS) return last
    askedAt = performance.now()
    last = Promise.race([
      ask().catch(() => null), // why not is told by whoever asks for more than figures
      new Promise<null>((resolve) => { setTimeout(resolve, PATIENCE_MS, null).unref() }),
    ])
    return last
  }
}
