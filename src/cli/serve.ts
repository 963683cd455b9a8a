import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { readConfig } from '../app/config.ts'
import { openService } from '../app/serve.ts'

/** Serves until SIGINT or SIGTERM, then lets running work finish; a second signal ends it at once. */
export async function serve(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { role: { type: 'string' } } })
  const stop = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const config = readConfig(undefined, { ROLE: values.role })
  await using service = await openService(config, { logLevel: config.LOG_LEVEL })
  console.log(config.ROLE === 'worker' ? `A worker of Dramatis tells how it is at ${service.url}/readyz` : `Dramatis is at ${service.publicUrl}/`)
  await stop
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))
  return 0
}
