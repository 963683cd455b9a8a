import { fileURLToPath } from 'node:url'
import type { ByteSource } from '../runtime/byte-source.ts'
import type { Log } from '../runtime/log.ts'
import { JAILS, type Jail } from './jail-kinds.ts'
import { LensPool, type LensStats } from './lens-pool.ts'
import { JailedSession, type LensSession } from './lens-session.ts'
import { LENS_LIMITS, type LensLimits } from './limits.ts'
import { chooseJail, type JailReport } from './probe.ts'

const LENS_PROGRAM = fileURLToPath(new URL('../lens/main.ts', import.meta.url))

/** Jailed processes that read videos: warm spares, each used for one job. */
export interface Lenses extends AsyncDisposable {
  readonly jail: JailReport
  readonly stats: LensStats
  /**
   * A lens for one job on this source, when it is our turn. The session ends with the signal. Rejects with its reason,
   * or with AppError `lens_unavailable`, `queue_full`, `shutting_down`. `deadlineMs` bounds the time the lens itself works;
   * `traceId` is the request it works for, in the log.
   */
  open(source: ByteSource, options: { readonly signal: AbortSignal; readonly deadlineMs?: number; readonly traceId?: string | null }): Promise<LensSession>
}

/** The same lenses, which know for which request they work. */
export const lensesFor = (lenses: Pick<Lenses, 'open'>, traceId: string | null): Pick<Lenses, 'open'> => ({ open: (source, options) => lenses.open(source, { ...options, traceId }) })

export interface LensesOptions {
  /** Jobs at a time. */
  readonly processes: number
  readonly modelsFolder: string
  readonly log: Log
  readonly program?: string
  readonly limits?: Partial<LensLimits>
  /** The jails to try, strongest first. */
  readonly jails?: readonly Jail[]
}

/** Finds the strongest jail that works here and starts the lenses in it. Rejects when the first one does not get ready. */
export async function startLenses({ processes, modelsFolder, log, program = LENS_PROGRAM, jails = JAILS, ...options }: LensesOptions): Promise<Lenses> {
  const limits = { ...LENS_LIMITS, ...options.limits }
  const { jail, report } = await chooseJail({ jails, modelsFolder, limits, log })
  const pool = new LensPool({ processes, log, start: { jail, limits, program: { path: program, modelsFolder } } })
  await pool.start()
  return {
    jail: report,
    get stats() { return pool.stats },
    open: async (source, { signal, deadlineMs = limits.workMs, traceId = null }) => {
      const lens = await pool.take(signal)
      return new JailedSession(lens, source, { limits, signal, workMs: deadlineMs, traceId })
    },
    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  }
}
