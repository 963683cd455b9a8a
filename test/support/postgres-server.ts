/** The server of TEST_POSTGRES_URL, or one of its own; null where PostgreSQL is not installed. */
export async function startPostgres(): Promise<({ readonly url: string } & AsyncDisposable) | null> {
  const url = process.env.TEST_POSTGRES_URL
  return url ? { url, [Symbol.asyncDispose]: async () => {} } : null
}
