import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received { readonly headers: IncomingHttpHeaders; readonly body: string; readonly event: { readonly id: string; readonly type: string; readonly created_at: number; readonly data: Readonly<Record<string, unknown>> } }

/** Somebody's server that takes webhooks. */
export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string
  /** For FETCH_ALLOW. */
  readonly pair: string
  readonly received: readonly Received[]
}

/** `answer` says how it answers what it received: a status, or null to say nothing at all. */
export async function startWebhookReceiver(answer: (received: Received, count: number) => number | null | Promise<number | null> = () => 200): Promise<WebhookReceiver> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const one = { headers: request.headers, body, event: JSON.parse(body) }
    received.push(one)
    const status = await answer(one, received.length)
    if (status !== null) response.writeHead(status, status >= 300 && status < 400 ? { location: 'https://example.com/' } : {}).end('not for keeping')
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const pair = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${pair}/hooks`, pair, received,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
}
