import type { ServerResponse } from 'node:http'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../domain/errors.ts'

const AGAIN_AFTER_SECONDS = 2

const stillWorking = (): AppError => new AppError('character_processing_timeout', { details: { retryAfterSeconds: AGAIN_AFTER_SECONDS } })

/** What the work gives within the budget; rejects with `character_processing_timeout` after it, while the work goes on. */
export async function withinBudget<T>(work: Promise<T>, budgetMs: number): Promise<T> {
  work.catch(() => {}) // it may fail after nobody waits for it any more
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(stillWorking()), budgetMs) })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** Aborts when the caller goes away, or with `character_processing_timeout` when the budget is over. */
export function whileWaited(response: ServerResponse, budgetMs: number): AbortSignal {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(stillWorking()), budgetMs)
  response.once('close', () => {
    clearTimeout(timer)
    controller.abort(new AppError('character_processing_timeout'))
  })
  return controller.signal
}

/** RFC 7240: the caller would rather have a 202 than wait. */
export const prefersAsync = ({ headers }: FastifyRequest): boolean =>
  [headers.prefer ?? []].flat().some((value) => value.split(',').some((part) => part.trim().toLowerCase() === 'respond-async'))
