import { DatabaseError, Pool, types, type ClientConfig, type PoolClient } from 'pg'
import { PostgresDialect, type Dialect, type PostgresPool, type PostgresPoolClient, type PostgresQueryResult } from 'kysely'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { withoutNul } from './without-nul.ts'

/** Reads are refused within a second while the server is gone, so getting a connection takes less. */
const CONNECT_MS = 900
/** Beyond it a statement is stuck: the slowest is a search in a million characters. */
const STATEMENT_MS = 10_000
/** The server ends a statement first; this is for one that does not answer at all. */
const ANSWER_MS = STATEMENT_MS + 2000
/** Work in a transaction is a few statements. */
const IDLE_IN_TRANSACTION_MS = 30_000
const IDLE_CONNECTION_MS = 60_000
const KEEP_ALIVE_MS = 10_000
const POOL_SIZE = 10

const BIGINT = 20

const PATIENCE = {
  /** For requests and jobs. */
  little: { connectionTimeoutMillis: CONNECT_MS, statement_timeout: STATEMENT_MS, query_timeout: ANSWER_MS, idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS },
  /** For migrations, which wait for each other and for an index as long as that takes. */
  much: { connectionTimeoutMillis: 10_000 },
} as const

/** Settings of a connection to the server of this URL, what they share whatever it is for. Throws {@link InvalidDatabaseUrl}. */
export function connectionTo(url: string, { patience }: { readonly patience: keyof typeof PATIENCE }): ClientConfig {
  checkUrl(url)
  return {
    connectionString: url, application_name: 'dramatis', keepAlive: true, keepAliveInitialDelayMillis: KEEP_ALIVE_MS, ...PATIENCE[patience],
    // Whole numbers here are counts and milliseconds, far below 2^53.
    types: { getTypeParser: (oid, format) => (oid === BIGINT && format !== 'binary' ? Number : types.getTypeParser(oid, format)) },
  }
}

export interface PostgresOptions { readonly patience?: keyof typeof PATIENCE; readonly poolSize?: number }

/** Connects when first asked. Throws {@link InvalidDatabaseUrl}; what the server or the way to it refuses later rejects with AppError `database_unavailable` or `storage_full`. */
export function postgresDialect(url: string, { patience = 'little', poolSize = POOL_SIZE }: PostgresOptions = {}): Dialect {
  const pool = new Pool({ ...connectionTo(url, { patience }), max: poolSize, idleTimeoutMillis: IDLE_CONNECTION_MS })
  // A connection that dies while nobody uses it is replaced by the pool; who uses it is told by the query. Unheard, either event would end the process.
  pool.on('error', () => {})
  pool.on('connect', (client) => { client.on('error', () => {}) })
  return new PostgresDialect({ pool: translatedPool(pool) })
}

/** The one place that every statement passes, those of transactions too. */
const translatedPool = (pool: Pool): PostgresPool => ({
  options: pool.options,
  connect: async () => {
    try {
      return translatedClient(await pool.connect())
    } catch (error) {
      throw unavailable(error)
    }
  },
  end: () => pool.end(),
})

function translatedClient(client: PoolClient): PostgresPoolClient {
  let broken: AppError | null = null
  async function query<R>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<R>> {
    if (broken !== null) throw broken // a rollback would wait behind what is not answered
    try {
      return await client.query(sql, parameters.map(withoutNul)) as unknown as PostgresQueryResult<R> // pg's types know no commands
    } catch (error) {
      if (!isOfConnection(error)) throw translate(error)
      broken = unavailable(error)
      throw broken
    }
  }
  return {
    query: query as PostgresPoolClient['query'], // the other overload is for cursors, which nobody asks for
    release: (isDiscarded) => client.release(isDiscarded === true || broken !== null),
  }
}

const RETRY_AFTER_SECONDS = 1
const FULL_RETRY_AFTER_SECONDS = 30

/**
 * By SQLSTATE, or its class. A transaction that lost a deadlock, or whose commit got no answer, is refused like one that could not begin:
 * who asked asks again, and finds what is there.
 */
const FAULTS: Readonly<Record<string, ErrorCode>> = {
  '08': 'database_unavailable', // connection
  '08P01': 'internal_error', // protocol: a mistake of ours
  25006: 'database_unavailable', // read only: a standby that has not taken over yet
  '25P03': 'database_unavailable', // idle in transaction
  '40': 'database_unavailable', // serialization, deadlock
  53: 'database_unavailable', // memory, connections
  53100: 'storage_full',
  '55P03': 'database_unavailable', // lock not available
  57: 'database_unavailable', // cancelled, shut down, starting up
  58: 'database_unavailable', // its disk
}

function translate(error: unknown): unknown {
  const state = error instanceof DatabaseError ? error.code ?? '' : ''
  const code = FAULTS[state] ?? FAULTS[state.slice(0, 2)]
  if (code === undefined || code === 'internal_error') return error
  return code === 'storage_full' ? new AppError(code, { details: { retryAfterSeconds: FULL_RETRY_AFTER_SECONDS }, cause: error }) : unavailable(error)
}

export const unavailable = (error: unknown): AppError => new AppError('database_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause: error })

/** What is neither an answer of the server nor a value that cannot be sent happened on the way; and after 57P, 25P03 the server hangs up. */
const isOfConnection = (error: unknown): boolean =>
  (error instanceof DatabaseError ? /^(?:08(?!P01)|57P|25P03)/.test(error.code ?? '') : !(error instanceof TypeError || error instanceof RangeError))

/** DATABASE_URL is not one. Its message does not repeat it: it may hold a password. */
export class InvalidDatabaseUrl extends Error {
  override readonly name = 'InvalidDatabaseUrl'
}

const FORM = 'write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with what is special in the password percent-encoded'

function checkUrl(url: string): void {
  const parsed = URL.parse(url)
  if (parsed === null || !['postgres:', 'postgresql:'].includes(parsed.protocol) || [parsed.username, parsed.password, parsed.pathname].some((part) => !isDecodable(part))) {
    throw new InvalidDatabaseUrl(`it is not the address of a PostgreSQL database; ${FORM}`)
  }
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false // a URIError: there is nothing else to throw
  }
}

/** Where it is, without user and password. */
export function placeOfUrl(url: string): string {
  const parsed = URL.parse(url)
  return parsed === null ? 'DATABASE_URL' : `${parsed.hostname || 'localhost'}:${parsed.port || '5432'}${parsed.pathname}`
}

const UNTRUSTED = 'its certificate is not trusted; add ?sslrootcert=FILE with the authority that signed it to DATABASE_URL'
const REASONS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host is not known; correct it in DATABASE_URL',
  EAI_AGAIN: 'its host cannot be looked up; correct it in DATABASE_URL, or mend the DNS of this machine',
  ECONNREFUSED: 'nothing listens there; start PostgreSQL, or correct host and port in DATABASE_URL',
  ENOENT: 'there is no such socket; start PostgreSQL, or correct the host in DATABASE_URL',
  EHOSTUNREACH: 'there is no way to its host; correct it in DATABASE_URL, or mend the network',
  ENETUNREACH: 'there is no way to its host; correct it in DATABASE_URL, or mend the network',
  ECONNRESET: 'it hangs up; look into its log, and whether it wants ?sslmode=require in DATABASE_URL',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED, SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED, UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  '28P01': 'it refuses the user or the password; correct them in DATABASE_URL',
  28000: 'it does not let this user in from here; correct the user in DATABASE_URL, or allow it in pg_hba.conf',
  '3D000': 'there is no database of this name; make it with createdb, or correct the name in DATABASE_URL',
  42501: 'the user has no right to the tables, or to make them and the schema of the queue; make it the owner: ALTER DATABASE the database OWNER TO the user',
  53300: 'it takes no more connections; raise its max_connections, or run fewer processes',
  '57P03': 'it is starting up or shutting down; try again when it is ready',
}

/** What is wrong and how to mend it, where that is known. Tells no password. */
export function explainPostgres(error: unknown): string | undefined {
  if (error instanceof InvalidDatabaseUrl) return error.message
  const isAppError = error instanceof AppError
  const { code } = (isAppError ? error.cause : error) as { readonly code?: unknown } // of whatever was thrown
  const known = typeof code === 'string' ? REASONS[code] : undefined
  return known ?? (isAppError && error.code === 'database_unavailable' ? `it cannot be reached: ${error.cause instanceof Error ? error.cause.message : String(error.cause)}; correct DATABASE_URL, or mend the server` : undefined)
}
