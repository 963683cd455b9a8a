import type { Socket } from 'node:net'
import { AppError } from '../domain/errors.ts'
import type { App } from './deps.ts'

/** How long requests under way may take to finish once the server closes. */
const DRAIN_MS = 20_000
const CLOSE_IDLE_EVERY_MS = 100
const RETRY_AFTER_SECONDS = 5

declare module 'fastify' {
  interface FastifyInstance {
    /** It will close soon: `/readyz` says so and nothing new is taken, while reads go on and new connections are still answered. */
    announceClosing(): void
    readonly isClosing: boolean
  }
}

/** First it is said, so that nobody sends more; then, with `close()`, the listener goes, what is under way is answered, and every connection ends. */
export function addClosing(app: App): void {
  let isClosing = false
  const announceClosing = (): void => { isClosing = true }
  app.decorate('announceClosing', announceClosing)
  app.decorate('isClosing', { getter: () => isClosing })
  app.addHook('onRequest', async ({ method }) => {
    if (isClosing && method === 'POST') throw new AppError('shutting_down', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
  })
  app.addHook('onSend', async (_request, reply) => { if (isClosing) reply.header('connection', 'close') })
  endConnections(app, announceClosing)
}

function endConnections(app: App, announceClosing: () => void): void {
  // To Node a connection is not idle before its first request. Some clients open one ahead.
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))
  // Node waits for keep-alive connections that became idle after close(): they are ended as they do.
  app.addHook('preClose', async () => {
    announceClosing()
    for (const socket of unused) socket.destroy()
    const idle = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    const drain = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
    app.server.once('close', () => { clearInterval(idle); clearTimeout(drain) })
  })
}
