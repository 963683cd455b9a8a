import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { AppError } from '../domain/errors.ts'
import { unlessAborted } from '../runtime/unless-aborted.ts'
import { startDeadline } from './deadline.ts'

const DNS_TRY = { timeout: 2000, tries: 2 } as const

export interface Address { readonly address: string; readonly family: 4 | 6 }

/** All A and AAAA answers for a host; an address is its own answer. Rejects with `source_unreachable` when there are none in time. */
export type ResolveName = (host: string, signal: AbortSignal) => Promise<readonly Address[]>

export function createResolveName({ servers, timeoutMs }: { servers: readonly string[]; timeoutMs: number }): ResolveName {
  const ask = servers.length > 0 ? (host: string) => askServers(host, servers) : askSystem
  return async (host, signal) => {
    const family = isIP(host)
    if (family !== 0) return [addressOf(host, family)]
    using deadline = startDeadline(timeoutMs, unreachable, [signal])
    const answers = await unlessAborted(ask(host), deadline.signal)
    if (answers.length === 0) throw unreachable()
    return answers
  }
}

async function askSystem(host: string): Promise<readonly Address[]> {
  const answers = await lookup(host, { all: true, order: 'ipv4first' }).catch((error: unknown) => { throw unreachable(error) })
  return answers.map(({ address, family }) => addressOf(address, family))
}

/** A name often has addresses of one family only, so one question may fail; what is not answered is not connected to. */
async function askServers(host: string, servers: readonly string[]): Promise<readonly Address[]> {
  const resolver = new Resolver(DNS_TRY)
  resolver.setServers(servers)
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
  if (v4.status === 'rejected' && v6.status === 'rejected') throw unreachable(v4.reason)
  return [...answered(v4).map((address) => addressOf(address, 4)), ...answered(v6).map((address) => addressOf(address, 6))]
}

const answered = (result: PromiseSettledResult<string[]>): readonly string[] => (result.status === 'fulfilled' ? result.value : [])

const addressOf = (address: string, family: number): Address => ({ address, family: family === 6 ? 6 : 4 })

const unreachable = (cause?: unknown): AppError => new AppError('source_unreachable', { cause })
