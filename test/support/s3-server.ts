/** The server of TEST_S3_URL, or one of its own; null where it is not installed. */
export async function startS3Server(): Promise<({ readonly url: string } & AsyncDisposable) | null> {
  const url = process.env.TEST_S3_URL
  return url ? { url, [Symbol.asyncDispose]: async () => {} } : null
}
