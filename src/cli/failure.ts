/** The command was called wrongly: answered with the usage and exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What the service answered instead of a result. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly hint: string | null
  readonly details: Readonly<Record<string, unknown>>

  constructor(message: string, hint: string | null, { details = {}, ...options }: ErrorOptions & { readonly details?: Readonly<Record<string, unknown>> } = {}) {
    super(message, options)
    this.hint = hint
    this.details = details
  }
}

/** One or two sentences for a person; a stack only for what nobody foresaw. */
export function describeFailure(error: unknown): string {
  if (error instanceof ServiceError) return [error.message, ...(error.hint ? [error.hint] : [])].join('\n')
  if (!(error instanceof Error)) return String(error)
  const isForeseen = ['UsageError', 'SettingsError', 'DataFolderUnusable', 'DatabaseUnusable', 'ModelsNotReady', 'UnusableBackends', 'AppError'].includes(error.name) || hasCode(error, /^(ERR_PARSE_ARGS|E[A-Z]+$)/)
  return isForeseen ? error.message : (error.stack ?? error.message)
}

const hasCode = (error: Error, pattern: RegExp): boolean => 'code' in error && typeof error.code === 'string' && pattern.test(error.code)
