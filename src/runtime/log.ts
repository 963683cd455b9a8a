import { pino, type DestinationStream } from 'pino'

type Fields = Readonly<Record<string, unknown>>

/** Events with a dotted noun-verb name and fields. Never keys, full URLs, prompts or picture bytes. */
export interface Log {
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  error(event: string, fields?: Fields): void
}

export type LogLevel = 'info' | 'warn' | 'error' | 'silent'

/** One JSON line an event, to standard error: standard output belongs to commands. */
export function createLog({ level = 'info', destination }: { level?: LogLevel; destination?: DestinationStream } = {}): Log {
  const logger = pino({ level, base: null, messageKey: 'event', timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: describeCause } }, destination ?? pino.destination({ dest: 2, sync: true }))
  return {
    info: (event, fields = {}) => logger.info(fields, event),
    warn: (event, fields = {}) => logger.warn(fields, event),
    error: (event, fields = {}) => logger.error(fields, event),
  }
}

function describeCause(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  return { name: error.name, message: error.message, stack: error.stack, ...(error.cause !== undefined && { cause: describeCause(error.cause) }) }
}
