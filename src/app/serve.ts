import { once } from 'node:events'
import { createServer } from 'node:net'
import { createLog, type LogLevel } from '../runtime/log.ts'
import { compose } from './compose.ts'
import type { Config } from './config.ts'

/** A listening service. Closing it lets what runs finish. */
export interface Service extends AsyncDisposable {
  /** Where it listens, and how people reach it. */
  readonly url: string
  readonly publicUrl: string
}

/** Rejects like `compose`, and with what the system says when the address cannot be listened on. */
export async function openService(config: Config, { logLevel }: { readonly logLevel: LogLevel }): Promise<Service> {
  const port = config.PORT === 0 ? await freePort(config.HOST) : config.PORT
  const host = config.HOST.includes(':') ? `[${config.HOST}]` : config.HOST
  const url = `http://${host}:${port}`
  const publicUrl = config.PUBLIC_URL ?? url
  const composed = await compose(config, { publicUrl, log: createLog({ level: logLevel }) })
  try {
    await composed.server.listen({ host: config.HOST, port })
  } catch (error) {
    await composed[Symbol.asyncDispose]()
    throw error
  }
  return { url, publicUrl, [Symbol.asyncDispose]: () => composed[Symbol.asyncDispose]() }
}

/** Known before the service is built: its links name the port. */
async function freePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no free port')
  return address.port
}
