import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { LensStats } from '../jail/lens-pool.ts'
import type { VideoStep } from '../domain/video.ts'
import type { StepRecord } from '../runtime/step.ts'

interface Watched { readonly queue: { readonly waiting: number; readonly running: number }; readonly lenses: { readonly stats: LensStats } }

/** What the service measures of itself, for Prometheus. */
export interface Metrics {
  readonly registry: Registry
  observeStep(record: StepRecord): void
  observeEnd(outcome: string, ms: number): void
  observeVideoStep(record: StepRecord<VideoStep>): void
  observeVideoEnd(outcome: string, ms: number): void
  /** Figures that are read when somebody asks. */
  watch(watched: Watched): void
}

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'dramatis_' })
  const registers = [registry]
  const steps = new Histogram({ name: 'dramatis_step_seconds', help: 'Time of one step of making a character.', labelNames: ['step'], buckets: [0.005, 0.02, 0.1, 0.25, 0.5, 1, 2, 5, 15], registers })
  const ends = new Counter({ name: 'dramatis_characters_total', help: 'Requests for a character that came to an end.', labelNames: ['outcome'], registers })
  const seconds = new Histogram({ name: 'dramatis_character_seconds', help: 'From the place in the queue to the end.', buckets: [0.25, 0.5, 1, 2, 5, 10, 20, 50], registers })
  const videoSteps = new Histogram({ name: 'dramatis_video_step_seconds', help: 'Time of one step of making a video.', labelNames: ['step'], buckets: [0.02, 0.1, 0.5, 2, 10, 60, 300, 1800], registers })
  const videoEnds = new Counter({ name: 'dramatis_videos_total', help: 'Videos that came to an end.', labelNames: ['outcome'], registers })
  const videoSeconds = new Histogram({ name: 'dramatis_video_seconds', help: 'From the place in the queue to the end.', buckets: [1, 5, 15, 60, 300, 900, 3600], registers })
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
    watch: ({ queue, lenses }) => {
      const figures: Readonly<Record<string, { readonly help: string; readonly read: () => number }>> = {
        dramatis_queue_waiting: { help: 'Requests that wait for a lens.', read: () => queue.waiting },
        dramatis_queue_running: { help: 'Requests under way.', read: () => queue.running },
        dramatis_lens_restarts: { help: 'Lenses that died or had to be ended.', read: () => lenses.stats.restarts },
        dramatis_lenses_idle: { help: 'Warm spare lenses.', read: () => lenses.stats.idle },
      }
      for (const [name, { help, read }] of Object.entries(figures)) {
        registry.registerMetric(new Gauge({ name, help, registers: [], collect() { this.set(read()) } }))
      }
    },
  }
}
