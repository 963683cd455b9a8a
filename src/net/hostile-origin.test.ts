import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerRange, startOrigin, startRawOrigin, type Origin } from '../../test/support/origins.ts'
import { AppError } from '../domain/errors.ts'
import type { FetchLimits } from './limits.ts'
import { parseSourceUrl } from './source-url.ts'
import { openUrlSource } from './url-source.ts'

const VIDEO = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7919) >> 5)
const SECRET = 'what-the-origin-wrote'
/** The stated limits, ten times as fast. */
const LIMITS: FetchLimits = { dnsMs: 800, connectMs: 300, headersMs: 500, leastBytesPerSecond: 50_000, slowMs: 500, totalMs: 3000 }
const MAX_BYTES = 1_000_000

let scratchFolder: string
beforeEach(async () => { scratchFolder = await mkdtemp(join(tmpdir(), 'net-')) })
afterEach(async () => {
  assert.deepEqual(await readdir(scratchFolder), [])
  await rm(scratchFolder, { recursive: true })
})

interface Fetching { readonly maxBytes?: number; readonly limits?: Partial<FetchLimits>; readonly scheme?: 'http' | 'https' }

/** Opens and reads all of it: the bytes, or what a caller is told. */
async function fetchAll({ pair }: Pick<Origin, 'pair'>, { maxBytes = MAX_BYTES, limits, scheme = 'http' }: Fetching = {}): Promise<Uint8Array | AppError> {
  const settings = { allow: [pair], dnsServers: [], maxBytes, limits: { ...LIMITS, ...limits } }
  try {
    await using source = await openUrlSource(parseSourceUrl(`${scheme}://${pair}/clip.mp4`, [pair]), { settings, scratchFolder, signal: AbortSignal.timeout(10_000) })
    return (await source.read(0, source.size, { isPlanned: true })).bytes
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    assert.doesNotMatch(JSON.stringify([error.message, error.details]), new RegExp(`${SECRET}|${pair}|${scratchFolder}`))
    return error
  }
}

async function refusal(origin: Pick<Origin, 'pair'>, fetching?: Fetching): Promise<readonly [number, string]> {
  const outcome = await fetchAll(origin, fetching)
  if (!(outcome instanceof AppError)) throw new Error(`it was read: ${outcome.length} bytes`)
  return [outcome.status, outcome.code]
}

async function readVideo(origin: Origin): Promise<string> {
  const outcome = await fetchAll(origin)
  if (outcome instanceof AppError) return outcome.code
  return Buffer.compare(outcome, VIDEO) === 0 ? 'the video' : 'other bytes'
}

/** `write` again and again until the other side is gone. */
function drip(socket: Pick<Socket, 'on' | 'destroyed' | 'write'>, text: string | Uint8Array, everyMs: number): void {
  const timer = setInterval(() => (socket.destroyed ? clearInterval(timer) : socket.write(text)), everyMs)
  socket.on('close', () => clearInterval(timer))
}

describe('answers other than 200 and 206', () => {
  test.each([201, 203, 204, 300, 304, 305, 400, 401, 403, 404, 410, 418, 429, 500, 502, 503, 504, 599])('%d', async (status) => {
    const body = status === 204 || status === 304 ? undefined : SECRET
    await using origin = await startOrigin((_request, response) => { response.writeHead(status, { 'x-secret': SECRET, etag: '"x"' }).end(body) })
    const outcome = await fetchAll(origin)
    expect(outcome).toMatchObject({ code: 'source_http_error', status: 422, details: { status } })
  })

  test('also in the middle', async () => {
    await using origin = await startOrigin((request, response) => {
      if (origin.ranges.length === 1) answerRange(VIDEO)(request, response)
      else response.writeHead(403).end(SECRET)
    })
    expect(await fetchAll(origin)).toMatchObject({ code: 'source_http_error', details: { status: 403 } })
  })
})

describe('a source that is too slow', () => {
  const timeouts: Readonly<Record<string, (socket: Socket) => void>> = {
    'never answers': () => {},
    'sends its headers drop by drop': (socket) => drip(socket, 'x', 20),
    'sends header lines drop by drop': (socket) => { socket.write('HTTP/1.1 200 OK\r\n'); drip(socket, 'x-a: b\r\n', 20) },
    'never ends its headers': (socket) => { socket.write('HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-65535/300000\r\n') },
    'sends headers and no body': (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n') },
    'sends its body drop by drop': (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n'); drip(socket, Buffer.alloc(500), 20) },
    'sends chunks drop by drop': (socket) => { socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'); drip(socket, '1\r\nx\r\n', 20) },
    'starts fast and stops': (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n'); socket.write(Buffer.alloc(200_000)) },
    'sends hints now and then': (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\n\r\n', 200),
  }
  test.each(Object.entries(timeouts))('%s', async (name, speak) => {
    const answer = name === 'sends its headers drop by drop' ? (socket: Socket) => { socket.write('HTTP/1.1 200 OK\r\nx-long: '); speak(socket) } : speak
    await using origin = await startRawOrigin((socket) => answer(socket))
    const started = performance.now()
    expect(await refusal(origin)).toEqual([422, 'source_timeout'])
    expect(performance.now() - started).toBeLessThan(LIMITS.headersMs + 2 * LIMITS.slowMs)
    await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
  })

  test('never slow enough for one answer, but for all of them together', async () => {
    await using origin = await startOrigin((request, response) => { setTimeout(() => answerRange(VIDEO)(request, response), 200) })
    const settings = { allow: [origin.pair], dnsServers: [], maxBytes: MAX_BYTES, limits: { ...LIMITS, totalMs: 500 } }
    await using source = await openUrlSource(parseSourceUrl(origin.url, [origin.pair]), { settings, scratchFolder, signal: AbortSignal.timeout(10_000) })
    await source.read(100_000, 100_010, { isPlanned: true })
    await expect(source.read(200_000, 200_010)).rejects.toMatchObject({ code: 'source_timeout' })
    await expect(source.read(250_000, 250_010)).rejects.toMatchObject({ code: 'source_timeout' })
  })

  test('time in which nothing is asked of it does not count', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    const settings = { allow: [origin.pair], dnsServers: [], maxBytes: MAX_BYTES, limits: { ...LIMITS, totalMs: 300 } }
    await using source = await openUrlSource(parseSourceUrl(origin.url, [origin.pair]), { settings, scratchFolder, signal: AbortSignal.timeout(10_000) })
    await new Promise((resolve) => { setTimeout(resolve, 400) })
    expect((await source.read(200_000, 200_010)).start).toBe(200_000)
  })

  test('never takes the connection', async () => {
    // The listener's loop is blocked, so its queue fills and further connections hang.
    const program = `const server = require('node:net').createServer().listen(0, '127.0.0.1', 1, () => {
      require('node:fs').writeSync(1, String(server.address().port))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000)
    })`
    const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'ignore'] })
    const fillers: Socket[] = []
    try {
      const port = Number(String((await once(child.stdout, 'data'))[0]))
      for (let count = 0; count < 8; count++) fillers.push(connect(port, '127.0.0.1').on('error', () => {}))
      await new Promise((resolve) => { setTimeout(resolve, 100) })
      expect(await refusal({ pair: `127.0.0.1:${port}` })).toEqual([422, 'source_timeout'])
    } finally {
      for (const socket of fillers) socket.destroy()
      child.kill('SIGKILL')
    }
  })

  test('never answers to TLS', async () => {
    await using origin = await startRawOrigin(() => {})
    expect(await refusal(origin, { scheme: 'https' })).toEqual([422, 'source_timeout'])
    await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
  })

  test('40 of them at once do not hold up one that answers', async () => {
    await using silent = await startRawOrigin(() => {})
    await using origin = await startOrigin(answerRange(VIDEO))
    const stuck = Array.from({ length: 40 }, () => refusal(silent))
    const started = performance.now()
    expect(await readVideo(origin)).toBe('the video')
    expect(performance.now() - started).toBeLessThan(LIMITS.headersMs)
    expect(new Set((await Promise.all(stuck)).map(([, code]) => code))).toEqual(new Set(['source_timeout']))
  })
})

describe('a source that is not reached', () => {
  test('nobody listens', async () => {
    const origin = await startRawOrigin(() => {})
    await origin[Symbol.asyncDispose]()
    expect(await refusal(origin)).toEqual([422, 'source_unreachable'])
  })

  test.each<[string, (socket: Socket) => void]>([
    ['hangs up', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['hangs up within its headers', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le')],
  ])('%s before it answers', async (_name, speak) => {
    await using origin = await startRawOrigin(speak)
    const [status, code] = await refusal(origin)
    expect(status).toBe(422)
    expect(['source_unreachable', 'source_protocol_error']).toContain(code)
  })

  test('does not speak TLS', async () => {
    await using origin = await startRawOrigin((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await refusal(origin, { scheme: 'https' })).toEqual([422, 'source_unreachable'])
  })
})

describe('a source that is too large', () => {
  test.each<[string, RequestListener]>([
    ['states it', (_request, response) => { response.writeHead(200, { 'content-length': MAX_BYTES + 1 }).write(VIDEO) }],
    ['never ends', (_request, response) => {
      const more = (): void => { while (!response.destroyed && response.write(VIDEO)) { /* as long as it is taken */ } }
      response.writeHead(200).on('drain', more)
      more()
    }],
    ['needs more ranges than may be read', answerRange(new Uint8Array(MAX_BYTES + 1))],
  ])('%s', async (_name, handler) => {
    await using origin = await startOrigin(handler)
    expect(await fetchAll(origin)).toMatchObject({ status: 422, code: 'source_too_large', details: { max_bytes: MAX_BYTES } })
    await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
    const taken = origin.connections.reduce((sum, socket) => sum + socket.bytesWritten, 0)
    expect(taken).toBeLessThan(2 * MAX_BYTES + 5_000_000) // what the kernel buffers was written, not read
  })

  test('a large one is fine as long as little of it is read', async () => {
    await using origin = await startOrigin(answerRange(new Uint8Array(50_000_000)))
    const settings = { allow: [origin.pair], dnsServers: [], maxBytes: 200_000 }
    await using source = await openUrlSource(parseSourceUrl(origin.url, [origin.pair]), { settings, scratchFolder, signal: AbortSignal.timeout(10_000) })
    expect((await source.read(49_000_000, 49_100_000, { isPlanned: true })).bytes).toHaveLength(100_000)
    await expect(source.read(30_000_000, 30_100_000, { isPlanned: true })).rejects.toMatchObject({ code: 'source_too_large' })
    expect(origin.ranges).toHaveLength(2)
  })
})

const block = (bytes: number): string => 'x'.repeat(bytes)

describe('an answer that is not proper HTTP', () => {
  const PARTIAL = 'HTTP/1.1 206 Partial Content\r\n'
  const RANGE = 'content-range: bytes 0-65535/65536\r\n'
  const IMPROPER: Readonly<Record<string, string>> = {
    'HTTP/0.9': `<html>${SECRET}</html>`,
    'another protocol': '\x16\x03\x01\x02\x00',
    'SSH': 'SSH-2.0-OpenSSH_9.2\r\n',
    'random bytes': Buffer.from(VIDEO.subarray(0, 2000)).toString('latin1'),
    'no status': 'HTTP/1.1 \r\n\r\n',
    'a status of letters': 'HTTP/1.1 abc OK\r\n\r\n',
    'two lengths': `HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n${block(6)}`,
    'a length and chunks': 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n0\r\n\r\n',
    'a negative length': 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n',
    'a length of letters': 'HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n',
    'a length without bound': `HTTP/1.1 200 OK\r\ncontent-length: ${'9'.repeat(40)}\r\n\r\n`,
    'a bad chunk size': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nxxxxx\r\n0\r\n\r\n',
    'a chunk longer than it says': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nxxxxx\r\n0\r\n\r\n',
    'a chunk size without bound': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${'f'.repeat(40)}\r\nxxxxx\r\n0\r\n\r\n`,
    'a chunk with endless extensions': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;${block(40_000)}\r\nxxxxx\r\n0\r\n\r\n`,
    'a header of 1 MB': `HTTP/1.1 200 OK\r\nx-big: ${block(1_000_000)}\r\n\r\n`,
    'headers over 32 KiB': `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(5000)}\r\n`,
    'over 256 headers': `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(300)}content-length: 5\r\n\r\nxxxxx`,
    'a flood of 1xx': `${'HTTP/1.1 100 Continue\r\n\r\n'.repeat(5000)}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nxxxxx`,
    'a flood of hints': `${`HTTP/1.1 103 Early Hints\r\nlink: ${block(100)}\r\n\r\n`.repeat(20)}HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nxxxxx`,
    'another protocol by upgrade': 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    'a folded header with a zero': 'HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n',
    'a range of more bytes than it says': `${PARTIAL}${RANGE}transfer-encoding: chunked\r\n\r\n10001\r\n${block(65_537)}\r\n0\r\n\r\n`,
    'gzip that was not asked for': `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 5\r\n\r\nxxxxx`,
    'a compressed range': `${PARTIAL}${RANGE}content-encoding: br\r\ncontent-length: 65536\r\n\r\n${block(65_536)}`,
  }
  test.each(Object.entries(IMPROPER))('%s', async (_name, answer) => {
    await using origin = await startRawOrigin((socket) => socket.end(answer, 'latin1'))
    expect(await refusal(origin)).toEqual([422, 'source_protocol_error'])
  })

  const CUT_SHORT: Readonly<Record<string, string>> = {
    'fewer bytes than stated': `HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n${block(50_000)}`,
    'chunks without an end': `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n`,
    'a range with fewer bytes than it says': `${PARTIAL}${RANGE}content-length: 65536\r\n\r\n${block(60_000)}`,
    'a range whose length is another': `${PARTIAL}${RANGE}content-length: 60000\r\n\r\n${block(60_000)}`,
    'a range of fewer bytes than it says, in chunks': `${PARTIAL}${RANGE}transfer-encoding: chunked\r\n\r\n5\r\nxxxxx\r\n0\r\n\r\n`,
  }
  test.each(Object.entries(CUT_SHORT))('%s', async (_name, answer) => {
    await using origin = await startRawOrigin((socket) => socket.end(answer, 'latin1'))
    expect(await refusal(origin)).toEqual([422, 'source_incomplete'])
  })

  test('cut off in the middle of a later range', async () => {
    await using origin = await startOrigin((request, response) => {
      if (origin.ranges.length === 1) return answerRange(VIDEO)(request, response)
      response.writeHead(206, { 'content-range': 'bytes 65536-299999/300000', 'content-length': 234_464 }).write(VIDEO.subarray(65_536, 100_000))
      setTimeout(() => response.destroy(), 20)
    })
    expect(await refusal(origin)).toEqual([422, 'source_incomplete'])
  })
})

describe('later ranges that are not what was asked', () => {
  test.each<[string, number, Readonly<Record<string, string>>, string]>([
    ['other bytes', 206, { 'content-range': 'bytes 65537-299999/300000' }, 'source_protocol_error'],
    ['fewer bytes', 206, { 'content-range': 'bytes 65536-65540/300000' }, 'source_protocol_error'],
    ['nothing said', 206, {}, 'source_protocol_error'],
    ['nonsense', 206, { 'content-range': 'bytes 9-1/x' }, 'source_protocol_error'],
    ['another unit', 206, { 'content-range': 'seconds 65536-299999/300000' }, 'source_protocol_error'],
    ['parts', 206, { 'content-type': 'multipart/byteranges; boundary=x' }, 'source_protocol_error'],
    ['another total', 206, { 'content-range': 'bytes 65536-299999/300001' }, 'source_changed'],
    ['another etag', 206, { 'content-range': 'bytes 65536-299999/300000', etag: '"v2"' }, 'source_changed'],
    ['416', 416, {}, 'source_protocol_error'],
    ['416 of a shorter file', 416, { 'content-range': 'bytes */1000' }, 'source_changed'],
  ])('%s', async (_name, status, headers, code) => {
    await using origin = await startOrigin((request, response) => {
      if (origin.ranges.length === 1) answerRange(VIDEO)(request, response)
      else response.writeHead(status, headers).end(VIDEO.subarray(65_536))
    })
    expect(await refusal(origin)).toEqual([422, code])
    expect(origin.ranges).toHaveLength(2)
  })

  test('whatever is asked', async () => {
    await using never = await startOrigin((_request, response) => { response.writeHead(416).end() })
    expect(await refusal(never)).toEqual([422, 'source_protocol_error'])
    await using always = await startOrigin((_request, response) => { response.writeHead(206).end(VIDEO) })
    expect(await refusal(always)).toEqual([422, 'source_protocol_error'])
  })
})

const redirectingTo = (location: string | undefined, status = 302): Promise<Origin> =>
  startOrigin((_request, response) => { response.writeHead(status, location === undefined ? {} : { location }).end(SECRET) })

describe('redirects', () => {
  test.each<[string, string | undefined]>([
    ['in a loop', '/clip.mp4'],
    ['too often', 'next?x'],
    ['without a target', undefined],
    ['to an empty target', ''],
    ['to nowhere', 'http://'],
    ['to what is no address', 'http://[::g]/'],
    ['to an endless address', `/${'a'.repeat(9000)}`],
  ])('%s', async (_name, location) => {
    await using origin = await redirectingTo(location)
    expect(await refusal(origin)).toEqual([422, 'source_redirect'])
    expect(origin.ranges.length).toBeLessThanOrEqual(6)
  })

  test.each([
    'http://127.0.0.1:1/', 'http://localhost/', 'http://2130706433/', 'http://[::1]/', 'http://[::ffff:7f00:1]/', 'http://169.254.169.254/latest/',
    'http://10.0.0.1/', '//127.0.0.1/', 'http://0/', 'http://168.63.129.16/',
    'file:///etc/passwd', 'ftp://example.com/', 'data:video/mp4;base64,AAAA', 'javascript:alert(1)', 'gopher://127.0.0.1:6379/_x',
    'http://user:pass@example.com/', 'http://example.com:22/', 'http://example.com:6379/',
  ])('to a forbidden place: %s', async (location) => {
    await using origin = await redirectingTo(location)
    expect(await refusal(origin)).toEqual([400, 'url_not_allowed'])
  })

  test.each([301, 302, 303, 307, 308])('%d to the port of a canary that is not allowed', async (status) => {
    await using canary = await startRawOrigin(() => {})
    await using origin = await redirectingTo(canary.url, status)
    expect(await refusal(origin)).toEqual([400, 'url_not_allowed'])
    expect(canary.connections).toHaveLength(0)
  })

  test('of a later range, too', async () => {
    await using canary = await startRawOrigin(() => {})
    await using origin = await startOrigin((request, response) => {
      if (origin.ranges.length === 1) answerRange(VIDEO)(request, response)
      else response.writeHead(302, { location: canary.url }).end()
    })
    expect(await refusal(origin)).toEqual([400, 'url_not_allowed'])
    expect(canary.connections).toHaveLength(0)
  })
})

describe('what must work', () => {
  test.each<[string, RequestListener]>([
    ['a wrong type, a cookie, a disposition with a path', (request, response) => {
      response.setHeader('content-type', 'text/html').setHeader('set-cookie', ['a=b', 'c=d']).setHeader('content-disposition', 'attachment; filename="../../etc/passwd"')
      answerRange(VIDEO)(request, response)
    }],
    ['no ranges', (_request, response) => { response.end(VIDEO) }],
    ['no ranges and a length', (_request, response) => { response.writeHead(200, { 'content-length': VIDEO.length }).end(VIDEO) }],
    ['identity said aloud', (request, response) => answerRange(VIDEO)(request, response.setHeader('content-encoding', 'identity'))],
    ['a few hints', (request, response) => {
      for (let count = 0; count < 3; count++) response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      answerRange(VIDEO)(request, response)
    }],
    ['slow but steady', (_request, response) => {
      response.writeHead(200, { 'content-length': VIDEO.length })
      let at = 0
      const timer = setInterval(() => {
        response.write(VIDEO.subarray(at, at += 6000))
        if (at >= VIDEO.length) { clearInterval(timer); response.end() }
      }, 30)
    }],
  ])('%s', async (_name, handler) => {
    await using origin = await startOrigin(handler)
    expect(await readVideo(origin)).toBe('the video')
  })

  test('a body that ends when the connection does', async () => {
    await using origin = await startRawOrigin((socket) => { socket.write('HTTP/1.0 200 OK\r\n\r\n'); socket.end(VIDEO) })
    expect(await readVideo(origin)).toBe('the video')
  })

  test('nothing of the caller’s is sent, and no encoding asked for', async () => {
    let head = {}
    await using origin = await startOrigin((request, response) => { head = request.headers; response.end(VIDEO) })
    expect(await readVideo(origin)).toBe('the video')
    expect(head).toEqual({
      host: origin.pair, 'user-agent': 'Dramatis', accept: '*/*', 'accept-encoding': 'identity', range: 'bytes=0-65535', connection: 'keep-alive',
    })
  })
})
