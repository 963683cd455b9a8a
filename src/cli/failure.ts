/** The command was called wrongly: answered with the usage and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

interface ServiceErrorFacts extends ErrorOptions { readonly details?: Readonly<Record<string, unknown>>; readonly code?: string | null; readonly retryAfterSeconds?: number | null }

/** What the service answered instead of a result. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly hint: string | null
  readonly details: Readonly<Record<string, unknown>>
  /** null where it was not the service that said it. */
  readonly code: string | null
  /** When the same may be asked again with another answer. */
  readonly retryAfterSeconds: number | null

  constructor(message: string, hint: string | null, { details = {}, code = null, retryAfterSeconds = null, ...options }: ServiceErrorFacts = {}) {
    super(message, options)
    this.hint = hint
    this.details = details
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** One or two sentences for a person; a stack only for what nobody foresaw. */
export function describeFailure(error: unknown): string {
  if (error instanceof ServiceError) return [error.message, ...(error.hint ? [error.hint] : [])].join('\n')
  if (!(error instanceof Error)) return String(error)
  const isForeseen = ['UsageError', 'SettingsError', 'DataFolderUnusable', 'DatabaseUnusable', 'LibraryUnmovable', 'BackupUnusable', 'ModelsNotReady', 'UnusableBackends', 'AppError'].includes(error.name) || hasCode(error, /^(ERR_PARSE_ARGS|E[A-Z]+$)/)
  return isForeseen ? error.message : (error.stack ?? error.message)
}

const hasCode = (error: Error, pattern: RegExp): boolean => 'code' in error && typeof error.code === 'string' && pattern.test(error.code)
