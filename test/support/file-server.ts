import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** What the link to the server is like; absent: as fast as loopback. */
export interface Link { readonly roundTripMs: number; readonly bytesPerSecond: number }

export interface FileServer extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:PORT`, as FETCH_ALLOW wants it. */
  readonly host: string
  /** Requests and body bytes since the last call. */
  takeCounts(): { requests: number; bytes: number }
}

const CHUNK_BYTES = 64 * 1024

/** Serves the files of one folder with Range on a free loopback port and counts what it sends. */
export async function startFileServer(folder: string, { link, ignoresRange = false }: { link?: Link; ignoresRange?: boolean } = {}): Promise<FileServer> {
  let counts = { requests: 0, bytes: 0 }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    counts.requests++
    const path = join(folder, basename(new URL(request.url ?? '/', 'http://localhost').pathname))
    const { size } = await stat(path)
    if (link) await sleep(link.roundTripMs)
    const range = ignoresRange ? null : wantedRange(request.headers.range, size)
    const { start, end } = range ?? { start: 0, end: size }
    if (range !== null && start >= size) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
      return
    }
    const partial = range && { 'accept-ranges': 'bytes', 'content-range': `bytes ${start}-${end - 1}/${size}` }
    response.writeHead(range ? 206 : 200, { 'content-length': end - start, etag: `"${size}"`, ...partial })
    if (size === 0) response.end()
    else await send(response, path, { start, end })
  }

  async function send(response: ServerResponse, path: string, { start, end }: { start: number; end: number }): Promise<void> {
    const begun = performance.now()
    const closed = once(response, 'close')
    let sent = 0
    for await (const chunk of createReadStream(path, { start, end: end - 1, highWaterMark: CHUNK_BYTES })) {
      if (response.destroyed) return
      sent += chunk.length
      counts.bytes += chunk.length
      if (!response.write(chunk)) await Promise.race([once(response, 'drain'), closed])
      if (link) await sleep(Math.max(0, begun + (sent / link.bytesPerSecond) * 1000 - performance.now()))
    }
    response.end()
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => (response.headersSent ? response.destroy() : response.writeHead(404).end()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const host = `127.0.0.1:${address.port}`
  return {
    url: `http://${host}`,
    host,
    takeCounts: () => {
      const taken = counts
      counts = { requests: 0, bytes: 0 }
      return taken
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function wantedRange(header: string | undefined, size: number): { start: number; end: number } | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '')
  return match ? { start: Number(match[1]), end: Math.min(size, match[2] ? Number(match[2]) + 1 : size) } : null
}
