import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a request meets. `cut` ends the connection in the middle of the answer's body; `drip` sends an object's bytes one by one. */
export type S3Trouble = 'none' | 'unavailable' | 'stall' | 'stall in body' | 'reset' | 'cut' | 'drip'

const DRIP_MS = 50

export interface FaultyS3 extends AsyncDisposable {
  /** An S3_URL: that of the server behind it, by way of the proxy. */
  readonly url: string
  /** Of every request from now on, or of so many. `only` looks at method and path. */
  meet(trouble: S3Trouble, options?: { readonly times?: number; readonly only?: (asked: string) => boolean }): void
  /** The requests so far: `PUT /bucket/key`. */
  readonly asked: string[]
}

/** A proxy in front of an S3 server, and of everything below its address, that can misbehave. */
export async function startFaultyS3({ inFrontOf }: { readonly inFrontOf: string }): Promise<FaultyS3> {
  const behind = new URL(inFrontOf)
  const asked: string[] = []
  let rule = { trouble: 'none' as S3Trouble, left: Infinity, only: (_asked: string): boolean => true }
  const ending = new AbortController()
  const troubleFor = (line: string): S3Trouble => (rule.only(line) && rule.left-- > 0 ? rule.trouble : 'none')
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`
    asked.push(line)
    answer(troubleFor(line), { incoming, outgoing, behind, signal: ending.signal }).catch(() => { outgoing.destroy() }) // whoever asked has gone, or what is behind
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const url = new URL(inFrontOf)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href.replace(/\/$/, ''),
    asked,
    meet: (trouble, { times = Infinity, only = () => true } = {}) => { rule = { trouble, left: times, only } },
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      const closed = new Promise((resolve) => { server.close(resolve) })
      server.closeAllConnections()
      await closed
    },
  }
}

interface Exchange { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse; readonly behind: URL; readonly signal: AbortSignal }

async function answer(trouble: S3Trouble, exchange: Exchange): Promise<void> {
  const { incoming, outgoing } = exchange
  if (trouble === 'stall') return
  if (trouble === 'reset') { incoming.socket.resetAndDestroy(); return }
  if (trouble === 'unavailable') {
    incoming.resume()
    outgoing.writeHead(503, { 'content-type': 'application/xml' }).end('<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>')
    return
  }
  const answered = await passOn(exchange)
  const bytes = Buffer.concat(await Array.fromAsync(answered as AsyncIterable<Buffer>))
  outgoing.writeHead(answered.statusCode ?? 502, answered.headers)
  if (trouble === 'none') { outgoing.end(bytes); return }
  outgoing.write(bytes.subarray(0, bytes.length >> 1))
  if (trouble === 'stall in body') return
  if (trouble === 'cut') { setTimeout(() => outgoing.destroy(), DRIP_MS); return }
  for (const byte of bytes.subarray(bytes.length >> 1)) {
    await sleep(DRIP_MS, undefined, { signal: exchange.signal })
    outgoing.write(Buffer.of(byte))
  }
  outgoing.end()
}

/** With the host that was signed: the server behind checks the signature by that. */
function passOn({ incoming, behind, signal }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const onward = request({ host: behind.hostname, port: behind.port, method: incoming.method, path: incoming.url, headers: incoming.headers, signal })
    onward.on('response', resolve).on('error', reject)
    incoming.on('error', reject).pipe(onward)
  })
}
