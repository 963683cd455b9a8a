import { AppError } from '../domain/errors.ts'
import { LensDied } from '../jail/lens-died.ts'
import type { LensSession } from '../jail/lens-session.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ByteSource } from '../runtime/byte-source.ts'

export interface LensUse {
  readonly lenses: Pick<Lenses, 'open'>
  readonly signal: AbortSignal
  readonly deadlineMs: number
  /** What it means when two lenses in a row die of it. */
  readonly onDeaths: (cause: unknown) => AppError
}

export const lensFailed = (cause: unknown): AppError => new AppError('lens_failed', { details: { reason: 'died' }, cause })

/** Work on a lens of its own, and once more when that dies. */
export async function onLens<T>(source: ByteSource, work: (lens: LensSession) => Promise<T>, { lenses, signal, deadlineMs, onDeaths }: LensUse): Promise<T> {
  const once = async (): Promise<T> => {
    await using lens = await lenses.open(source, { signal, deadlineMs })
    return await work(lens)
  }
  try {
    return await once().catch((error) => {
      if (error instanceof LensDied) return once()
      throw error
    })
  } catch (error) {
    throw error instanceof LensDied ? onDeaths(error) : error
  }
}
