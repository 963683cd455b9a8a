import { AppError } from '../domain/errors.ts'
import type { BackendHealth } from './backend.ts'

/** What `judge` says; where the service refuses or does not answer, that is the answer. Rejects with the signal's reason alone. */
export async function serviceHealth(judge: () => Promise<BackendHealth>): Promise<BackendHealth> {
  try {
    return await judge()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { isHealthy: false, says: sentence(error) }
  }
}

function sentence({ code, details }: AppError): string {
  if (code === 'backend_rejected') return `It refuses: ${String(details.said)}`
  if (code === 'output_invalid') return `It answers strangely: ${String(details.reason)}`
  return details.status === undefined ? 'It does not answer.' : `It answers with ${String(details.status)}.`
}
