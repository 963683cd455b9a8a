import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'

// How a failure lies in a row. What is read here was written here.

export const writeError = ({ code, param, details }: AppError): string => JSON.stringify({ code, param, details })

export function readError(json: string | null): AppError {
  const { code, param, details } = JSON.parse(json ?? '{"code":"internal_error"}') as { code: ErrorCode; param?: string | null; details?: Record<string, unknown> }
  return new AppError(code, { details, ...(param && { param }) })
}
