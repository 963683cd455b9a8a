import { startDeadline } from '../net/deadline.ts'
import { unlessAborted } from '../runtime/unless-aborted.ts'
import type { Backend, BackendHealth } from './backend.ts'
import type { Backends } from './backends.ts'

/** How long an answer is taken for the state of a backend: a list of backends is read often, and each probe costs them something. */
const FRESH_MS = 10_000
const PROBE_MS = 3000

export interface HealthCheckOptions { readonly clock: () => number; readonly probeMs?: number }

interface Probe { readonly startedAtMs: number; readonly answer: Promise<BackendHealth>; isDone: boolean }

/** Asks each backend once at a time, and not again while its last answer is fresh. Rejects with the signal's reason alone. */
export function createHealthChecks({ clock, probeMs = PROBE_MS }: HealthCheckOptions): Backends['health'] {
  const probes = new WeakMap<Backend, Probe>()
  return async (backend, { signal }) => {
    let probe = probes.get(backend)
    if (probe === undefined || (probe.isDone && clock() - probe.startedAtMs >= FRESH_MS)) {
      probe = startProbe(backend, { startedAtMs: clock(), probeMs })
      probes.set(backend, probe)
    }
    return await unlessAborted(probe.answer, signal)
  }
}

/** Not under the asker's signal: others wait for the same answer. */
function startProbe(backend: Backend, { startedAtMs, probeMs }: { readonly startedAtMs: number; readonly probeMs: number }): Probe {
  const probe: Probe = { startedAtMs, isDone: false, answer: ask(backend, probeMs).finally(() => { probe.isDone = true }) }
  return probe
}

async function ask(backend: Backend, probeMs: number): Promise<BackendHealth> {
  using deadline = startDeadline(probeMs, () => new ProbeTimeout(probeMs))
  try {
    return await unlessAborted(backend.health({ signal: deadline.signal }), deadline.signal)
  } catch (error) {
    return { isHealthy: false, says: error instanceof ProbeTimeout ? error.message : 'could not be asked' }
  }
}

class ProbeTimeout extends Error {
  constructor(ms: number) { super(`no answer within ${ms / 1000} s`) }
}
