import { once } from 'node:events'
import { readConfig } from '../app/config.ts'
import { openService } from '../app/serve.ts'

/** Serves until SIGINT or SIGTERM, then lets running work finish; a second signal ends it at once. */
export async function serve(): Promise<number> {
  const stop = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const config = readConfig()
  await using service = await openService(config, { logLevel: config.LOG_LEVEL })
  console.log(`Dramatis is at ${service.publicUrl}/`)
  await stop
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
  return 0
}
