import { expect, test } from 'vitest'
import { startOrigin, type Origin } from '../../test/support/origins.ts'
import { openGuardedDownload } from './guarded-download.ts'

const VIDEO = Uint8Array.from({ length: 300_000 }, (_, index) => (index * 7919) >> 5)
const { signal } = new AbortController()

interface Download { readonly allow?: readonly string[]; readonly maxBytes?: number; readonly totalMs?: number; readonly signal?: AbortSignal }

async function download({ url, pair }: Pick<Origin, 'url' | 'pair'>, { allow = [pair], maxBytes = 1_000_000, totalMs = 5000, signal: until = signal }: Download = {}): Promise<Buffer> {
  const bytes = await openGuardedDownload(url, { settings: { allow, dnsServers: [], maxBytes: 1, limits: { totalMs } }, maxBytes, signal: until })
  return Buffer.concat(await Array.fromAsync(bytes))
}

test('gives the bytes, asked for without any key', async () => {
  let headers: object = {}
  await using origin = await startOrigin((request, response) => {
    headers = request.headers
    response.end(VIDEO)
  })
  expect(Buffer.compare(await download(origin), VIDEO)).toBe(0)
  expect(Object.keys(headers).sort()).toEqual(['accept', 'accept-encoding', 'connection', 'host', 'user-agent'])
  await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
})

test('a private address is refused, at once and behind a redirect', async () => {
  await using inside = await startOrigin((_request, response) => { response.end('secret') })
  await using outside = await startOrigin((_request, response) => { response.writeHead(302, { location: inside.url }).end() })
  await expect(download(inside, { allow: [] })).rejects.toMatchObject({ code: 'url_not_allowed' })
  await expect(download(outside, { allow: [outside.pair] })).rejects.toMatchObject({ code: 'url_not_allowed' })
  expect(inside.ranges).toEqual([])
})

test.each([
  ['file:///etc/passwd', 'url_not_allowed'], ['data:video/mp4;base64,AAAA', 'url_not_allowed'], ['https://user:pass@example.com/a.mp4', 'url_not_allowed'],
  ['http://example.com:6379/', 'url_not_allowed'], ['/v1/videos/1.mp4', 'invalid_url'], ['', 'invalid_url'],
])('%s is no address to fetch from', async (url, code) => {
  await expect(download({ url, pair: '' }, { allow: [] })).rejects.toMatchObject({ code })
})

test('an allowed redirect is followed', async () => {
  await using store = await startOrigin((_request, response) => { response.end(VIDEO) })
  await using origin = await startOrigin((_request, response) => { response.writeHead(302, { location: store.url }).end() })
  expect(await download(origin, { allow: [origin.pair, store.pair] })).toHaveLength(VIDEO.length)
})

test.each([['stated', true], ['not stated', false]])('more than allowed, %s, is refused', async (_name, isStated) => {
  await using origin = await startOrigin((_request, response) => {
    response.writeHead(200, isStated ? { 'content-length': VIDEO.length } : {}).end(VIDEO)
  })
  await expect(download(origin, { maxBytes: 1000 })).rejects.toMatchObject({ code: 'source_too_large', details: { max_bytes: 1000 } })
  await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
})

test.each<[number, object]>([[404, { code: 'source_http_error', details: { status: 404 } }], [500, { code: 'source_http_error', details: { status: 500 } }], [206, { code: 'source_protocol_error' }]])('an answer of %i', async (status, error) => {
  await using origin = await startOrigin((_request, response) => { response.writeHead(status).end() })
  await expect(download(origin)).rejects.toMatchObject(error)
})

test('a body that breaks off is incomplete', async () => {
  await using origin = await startOrigin((request, response) => {
    response.writeHead(200, { 'content-length': VIDEO.length }).write(VIDEO.subarray(0, 1000))
    setTimeout(() => request.socket.destroy(), 20)
  })
  await expect(download(origin)).rejects.toMatchObject({ code: 'source_incomplete' })
})

test('it ends with its time, and with the signal', async () => {
  await using origin = await startOrigin((_request, response) => { response.writeHead(200, { 'content-length': 10 }).write('abc') })
  await expect(download(origin, { totalMs: 100 })).rejects.toMatchObject({ code: 'source_timeout' })
  const controller = new AbortController()
  const reason = new Error('over')
  const downloading = download(origin, { signal: controller.signal })
  setTimeout(() => controller.abort(reason), 50)
  await expect(downloading).rejects.toBe(reason)
  await expect.poll(() => origin.connections.every((socket) => socket.destroyed)).toBe(true)
})
