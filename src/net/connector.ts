import { Agent as HttpAgent, type ClientRequestArgs } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { BlockList, connect as connectTcp, Socket, type LookupFunction } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Duplex } from 'node:stream'
import { once } from 'node:events'
import { AppError } from '../domain/errors.ts'
import { isPublicAddress } from './address.ts'
import { startDeadline } from './deadline.ts'
import type { FetchLimits, FetchSettings } from './limits.ts'
import { createResolveName, type Address, type ResolveName } from './names.ts'
import { notAllowed } from './source-url.ts'

/** Agents whose connections lead to public addresses only, or to an exempted host and port. Disposed, they end what they hold. */
export interface Connector extends Disposable {
  readonly http: HttpAgent
  readonly https: HttpsAgent
}

interface Target { readonly host: string; readonly port: number; readonly isSecure: boolean; readonly servername: string | undefined }

type Connect = (target: Target) => Promise<Socket>

export function createConnector({ allow, dnsServers }: FetchSettings, limits: FetchLimits): Connector {
  const closing = new AbortController()
  const resolveName = createResolveName({ servers: dnsServers, timeoutMs: limits.dnsMs })
  const connect: Connect = async (target) => {
    const addresses = await checkedAddresses(target, { allow, resolveName, signal: closing.signal })
    using deadline = startDeadline(limits.connectMs, () => new AppError('source_timeout'), [closing.signal])
    return await openSocket(target, addresses, deadline.signal)
  }
  const http = Object.assign(new HttpAgent({ keepAlive: true }), { createConnection: connecting(connect, { isSecure: false }) })
  const https = Object.assign(new HttpsAgent({ keepAlive: true }), { createConnection: connecting(connect, { isSecure: true }) })
  return {
    http,
    https,
    [Symbol.dispose]: () => {
      closing.abort()
      http.destroy()
      https.destroy()
    },
  }
}

type OnSocket = (error: Error | null, socket: Duplex) => void
type AgentOptions = ClientRequestArgs & { servername?: string }

function connecting(connect: Connect, { isSecure }: Pick<Target, 'isSecure'>) {
  return ({ host, port, servername }: AgentOptions, onSocket?: OnSocket): undefined => {
    void handOver(connect({ host: host ?? '', port: Number(port), isSecure, servername }), onSocket)
  }
}

/** Late, by the callback: so no request is written before its peer is checked. */
async function handOver(opening: Promise<Socket>, onSocket: OnSocket | undefined): Promise<void> {
  // The agent's type wants a socket beside an error; it never looks at it.
  const outcome = await opening.then((socket) => ({ error: null, socket }), (error: Error) => ({ error, socket: new Socket() }))
  onSocket?.(outcome.error, outcome.socket)
}

interface Check { readonly allow: readonly string[]; readonly resolveName: ResolveName; readonly signal: AbortSignal }

/** One bad answer refuses the whole name. */
async function checkedAddresses({ host, port }: Target, { allow, resolveName, signal }: Check): Promise<readonly Address[]> {
  const addresses = await resolveName(host, signal)
  const isExempt = allow.includes(`${host.includes(':') ? `[${host}]` : host}:${port}`)
  if (!isExempt && !addresses.every(({ address }) => isPublicAddress(address))) throw notAllowed()
  return addresses
}

async function openSocket({ host, port, isSecure, servername }: Target, addresses: readonly Address[], signal: AbortSignal): Promise<Socket> {
  const socket = connectTcp({ host, port, lookup: answering(addresses), noDelay: true })
  try {
    await once(socket, 'connect', { signal })
    if (!isOneOf(addresses, socket)) throw notAllowed()
    return isSecure ? await secure(socket, { host, servername, signal }) : socket
  } catch (error) {
    socket.destroy()
    if (error instanceof AppError) throw error
    signal.throwIfAborted()
    throw new AppError('source_unreachable', { cause: error })
  }
}

async function secure(socket: Socket, { host, servername, signal }: Pick<Target, 'host' | 'servername'> & { signal: AbortSignal }): Promise<TLSSocket> {
  const secured = connectTls({ socket, host, servername, ALPNProtocols: ['http/1.1'], rejectUnauthorized: true })
  await once(secured, 'secureConnect', { signal })
  return secured
}

/** The resolver's part of connecting, played from the checked list. */
function answering(addresses: readonly Address[]): LookupFunction {
  return (_host, { all }, callback) => {
    if (all) callback(null, [...addresses])
    else callback(null, addresses[0].address, addresses[0].family)
  }
}

function isOneOf(addresses: readonly Address[], { remoteAddress, remoteFamily }: Socket): boolean {
  const checked = new BlockList()
  for (const { address, family } of addresses) checked.addAddress(address, family === 6 ? 'ipv6' : 'ipv4')
  return remoteAddress !== undefined && checked.check(remoteAddress, remoteFamily === 'IPv6' ? 'ipv6' : 'ipv4')
}
