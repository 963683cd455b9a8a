import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { errorBody } from '../../src/http/schemas/error.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { bodyOf, box, withNumber } from '../fixtures/movie-boxes.ts'
import { createSeed, workBelow, get, postJson, SEED } from '../support/client.ts'
import { startDnsServer, type DnsServer } from '../support/dns-server.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startOrigin, startRawOrigin, type Origin } from '../support/origins.ts'
import { rawExchange } from '../support/raw-http.ts'
import { startService, type RunningService } from '../support/service.ts'

/**
 * One or a few of each kind of attack and bad input, through the door of one running service that must be none the worse
 * for it. Every spelling of each kind is tried where the part that stops it is tested.
 */

const SECRET = 'what-the-origin-wrote'
const TOKEN = 'signature-of-a-signed-link'
const TITLE = 'title-inside-the-file'
const text = (content: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(content)

let folder: string
let good: Uint8Array<ArrayBuffer>
let files: FileServer
let origin: Origin
/** Never to be connected to. */
let canary: Origin
let dns: DnsServer
let closedPort: number
let service: RunningService
/** All that clients were told. */
const told: string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-hostile-'))
  good = await makeClip({ scene: 'toy', seconds: 3, tags: { title: TITLE, comment: TITLE } })
  canary = await startOrigin((_request, response) => { response.end(SECRET) })
  for (const [name, bytes] of Object.entries(await makeMedia())) await writeFile(join(folder, name), bytes)
  files = await startFileServer(folder)
  origin = await startRawOrigin((socket, request) => SOURCES[/^GET \/([a-z-]*)/.exec(request)?.[1] ?? '']?.(socket, request))
  dns = await startDnsServer({ 'inside.test': ['127.0.0.1'], 'mixed.test': ['93.184.216.34', '10.0.0.1'], 'six.test': ['::ffff:169.254.169.254'], localhost: ['127.0.0.1'] })
  const closed = await startOrigin(() => {})
  closedPort = closed.port
  await closed[Symbol.asyncDispose]()
  const environment = {
    FETCH_ALLOW: `${files.host},${origin.pair},${closed.pair}`, FETCH_DNS_SERVERS: dns.server, FETCH_MAX_BYTES: String(1024 * 1024), LENS_PROCESSES: '2', QUEUE_MAX: '8',
  }
  service = await startService({ environment })
})
afterAll(async () => {
  for (const server of [service, files, origin, canary, dns]) await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

interface Told { readonly status: number; readonly headers: Readonly<Record<string, string | undefined>>; readonly body: string }
type Refusal = readonly [status: number, code: string]

/** The refusal in an answer, which must have the envelope and the headers of every permanent one. */
function refusalIn({ status, headers, body }: Told): Refusal {
  told.push(JSON.stringify(headers), body)
  const { error } = errorBody.parse(JSON.parse(body))
  assert.deepEqual(Object.keys(error).slice(0, 4), ['message', 'type', 'param', 'code'])
  const wanted = { 'content-type': 'application/json; charset=utf-8', 'x-should-retry': 'false', 'retry-after': undefined, 'x-request-id': error.request_id }
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((name) => [name, headers[name]])), wanted)
  return [status, error.code]
}

const toldBy = async (response: Response): Promise<Told> => ({ status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() })
const send = async (body: BodyInit, headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' }): Promise<Told> =>
  toldBy(await fetch(`${service.url}${SEED}`, { method: 'POST', headers, body }))
const create = async (body: unknown): Promise<Told> => toldBy(await postJson(service, SEED, body))
async function healthMs(): Promise<number> {
  const started = performance.now()
  const { status } = await fetch(`${service.url}/healthz`)
  return status === 200 ? performance.now() - started : Infinity
}

const canaryAt = (host: string) => () => `http://${host}:${canary.port}/clip.mp4`

describe.concurrent('addresses', () => {
  const urls: Readonly<Record<string, readonly [url: () => unknown, ...Refusal]>> = {
    'nothing': [() => '', 400, 'invalid_url'],
    'a path': [() => '/clip.mp4', 400, 'invalid_url'],
    'no host': [() => 'http://', 400, 'invalid_url'],
    'a broken port': [() => 'http://example.com:99999/', 400, 'invalid_url'],
    'more than 8 KiB': [() => `https://example.com/${'a'.repeat(8200)}`, 400, 'invalid_url'],
    'a line break': [() => 'http://example.com/\r\nx-injected: 1', 400, 'invalid_url'],
    'a backslash': [() => String.raw`http:\\example.com\clip.mp4`, 400, 'invalid_url'],
    'a number': [() => 7, 400, 'invalid_parameter'],
    'a file': [() => 'file:///etc/passwd', 400, 'url_not_allowed'],
    'a gopher': [() => 'gopher://example.com/', 400, 'url_not_allowed'],
    'a password': [() => 'http://user:pass@example.com/', 400, 'url_not_allowed'],
    'the port of a database': [() => 'http://example.com:5432/', 400, 'url_not_allowed'],
    'loopback': [canaryAt('127.0.0.1'), 400, 'url_not_allowed'],
    'loopback as one number': [canaryAt('2130706433'), 400, 'url_not_allowed'],
    'loopback in hexadecimal': [canaryAt('0x7f.1'), 400, 'url_not_allowed'],
    'loopback in full-width digits': [canaryAt('１２７.０.０.１'), 400, 'url_not_allowed'],
    'loopback in IPv6': [canaryAt('[::1]'), 400, 'url_not_allowed'],
    'loopback in IPv4 in IPv6': [canaryAt('[::ffff:127.0.0.1]'), 400, 'url_not_allowed'],
    'loopback behind a translator': [canaryAt('[64:ff9b::7f00:1]'), 400, 'url_not_allowed'],
    'every address': [canaryAt('0.0.0.0'), 400, 'url_not_allowed'],
    'the metadata of a cloud': [() => 'http://169.254.169.254/latest/meta-data/', 400, 'url_not_allowed'],
    'a private network': [() => 'http://10.0.0.1/', 400, 'url_not_allowed'],
    'an allowed port by another name': [() => `http://localhost:${files.host.split(':')[1]}/good.mp4`, 400, 'url_not_allowed'],
    'a name of loopback': [canaryAt('inside.test'), 400, 'url_not_allowed'],
    'a name of a public and a private address': [canaryAt('mixed.test'), 400, 'url_not_allowed'],
    'a name of metadata, mapped': [canaryAt('six.test'), 400, 'url_not_allowed'],
    'a name that nobody has': [canaryAt('nobody.test'), 422, 'source_unreachable'],
    'a port where nobody listens': [() => `http://127.0.0.1:${closedPort}/`, 422, 'source_unreachable'],
  }
  test.each(Object.entries(urls))('%s', async (_, [url, ...refusal]) => {
    expect(refusalIn(await create({ url: url(), timestamps: '0,2' }))).toEqual(refusal)
  })
})

const VIDEO_BYTES = 300_000
/** The start of a video whose tables would come at its end. */
const TABLES_LAST = Buffer.alloc(VIDEO_BYTES)
TABLES_LAST.set(Buffer.concat([box('ftyp', text('isomisom')), box('mdat', new Uint8Array(VIDEO_BYTES - 1000)).subarray(0, 8)]))
const head = (...lines: readonly string[]): string => `${lines.join('\r\n')}\r\n\r\n`
const answer = (head: string, body: Uint8Array | string = '') => (socket: Socket): void => { socket.end(Buffer.concat([Buffer.from(head), Buffer.from(body)])) }
const redirect = (location: () => string) => (socket: Socket): void => answer(head('HTTP/1.1 302 Found', `location: ${location()}`, 'content-length: 0'))(socket)

/** What servers of videos do, by path. */
const SOURCES: Readonly<Record<string, (socket: Socket, request: string) => void>> = {
  'missing': answer(head('HTTP/1.1 404 Not Found', `content-length: ${SECRET.length}`, `x-secret: ${SECRET}`), SECRET),
  'silent': () => {},
  'drop-by-drop': (socket) => {
    socket.write(head('HTTP/1.1 200 OK', `content-length: ${VIDEO_BYTES}`))
    const timer = setInterval(() => socket.write('x'), 200)
    socket.on('close', () => clearInterval(timer))
  },
  'endless': (socket) => {
    socket.write(head('HTTP/1.1 200 OK'))
    const pour = (): void => { while (!socket.destroyed && socket.write(Buffer.alloc(65_536))); }
    socket.on('drain', pour)
    pour()
  },
  'too-long': answer(head('HTTP/1.1 200 OK', 'content-length: 5000000000')),
  'cut-short': answer(head('HTTP/1.1 200 OK', `content-length: ${VIDEO_BYTES}`), SECRET),
  'bad-chunks': answer(head('HTTP/1.1 200 OK', 'transfer-encoding: chunked'), `zz\r\n${SECRET}\r\n`),
  'two-lengths': answer(head('HTTP/1.1 200 OK', 'content-length: 3', 'content-length: 4'), SECRET),
  'old': answer(SECRET),
  'huge-head': answer(head('HTTP/1.1 200 OK', `x-long: ${'a'.repeat(100_000)}`)),
  'hints': (socket) => { socket.write(head('HTTP/1.1 103 Early Hints').repeat(100)) },
  'packed': answer(head('HTTP/1.1 200 OK', 'content-encoding: gzip', `content-length: ${SECRET.length}`), SECRET),
  'circle': redirect(() => '/circle'),
  'nowhere': redirect(() => 'http://['),
  'inside': redirect(() => `http://127.0.0.1:${canary.port}/`),
  'other-scheme': redirect(() => 'ftp://example.com/clip.mp4'),
  'changing': (socket, request) => {
    const [start = 0, end = 0] = /range: bytes=(\d+)-(\d+)/i.exec(request)?.slice(1).map(Number) ?? []
    const length = `content-length: ${end + 1 - start}`
    answer(head('HTTP/1.1 206 Partial Content', `etag: "${start === 0 ? 'one' : 'another'}"`, `content-range: bytes ${start}-${end}/${VIDEO_BYTES}`, length), TABLES_LAST.subarray(start, end + 1))(socket)
  },
  'no-ranges': (socket) => answer(head('HTTP/1.1 200 OK', 'content-type: text/html', 'set-cookie: a=b', 'content-disposition: attachment; filename="../../x.sh"', `content-length: ${good.length}`), good)(socket),
}

describe.concurrent('sources', () => {
  test.each([
    ['missing', 422, 'source_http_error'], ['silent', 422, 'source_timeout'], ['drop-by-drop', 422, 'source_timeout'], ['endless', 422, 'source_too_large'], ['too-long', 422, 'source_too_large'],
    ['cut-short', 422, 'source_incomplete'], ['bad-chunks', 422, 'source_protocol_error'], ['two-lengths', 422, 'source_protocol_error'], ['old', 422, 'source_protocol_error'],
    ['huge-head', 422, 'source_protocol_error'], ['hints', 422, 'source_protocol_error'], ['packed', 422, 'source_protocol_error'], ['circle', 422, 'source_redirect'], ['nowhere', 422, 'source_redirect'],
    ['changing', 422, 'source_changed'],
    ['inside', 400, 'url_not_allowed'], ['other-scheme', 400, 'url_not_allowed'],
  ])('%s: %i %s', async (path, status, code) => {
    expect(refusalIn(await create({ url: `http://${origin.pair}/${path}?token=${TOKEN}`, timestamps: '0,2' }))).toEqual([status, code])
  })

  test('without ranges, of another type, with a cookie and a file name, works', async () => {
    expect((await createSeed(service, { url: `http://${origin.pair}/no-ranges`, timestamps: '0,2' })).username).toMatch(/\w/)
  })
})

async function makeMedia(): Promise<Readonly<Record<string, Uint8Array>>> {
  const small = await makeClip({ seconds: 2, width: 64, height: 64 })
  const entry = bodyOf(small, 'stsd') + 12
  const huge = await makeClip({ seconds: 2, codec: 'vp9', width: 64, height: 64 })
  new DataView(huge.buffer).setUint32(bodyOf(huge, 'vp09') + 24, (16_000 << 16) + 16_000)
  return {
    'good.mp4': good,
    'trailing.mp4': Buffer.concat([good, text(`<html>${SECRET}</html>`)]),
    'empty.mp4': text(''),
    'page.mp4': text(`<!doctype html><html>${SECRET}</html>`),
    'playlist.mp4': text(`#EXTM3U\n#EXTINF:10,\nfile:///etc/hostname\n#EXTINF:10,\n${canary.url}\n`),
    'picture.mp4': text('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    'zeroed.mp4': small.slice().fill(0, bodyOf(small, 'mdat')),
    'table.mp4': withNumber(small, { box: 'stts', offset: 8, value: 2 ** 32 - 1 }),
    'locked.mp4': small.map((byte, i) => (i >= entry && i < entry + 4 ? 'encv'.charCodeAt(i - entry) : byte)),
    'sound.mp4': await makeClip({ seconds: 2, hasVideo: false, sound: 'aac' }),
    'tracks.mp4': Buffer.concat([box('ftyp', text('isomisom')), box('moov', ...Array.from({ length: 65 }, () => box('trak')))]),
    'huge.mp4': huge,
    'blank.mp4': await makeClip({ seconds: 2, scene: 'plain' }),
  }
}

describe.concurrent('media', () => {
  test.each([
    ['empty.mp4', 'media_unsupported'], ['page.mp4', 'media_unsupported'], ['playlist.mp4', 'media_unsupported'], ['picture.mp4', 'media_unsupported'],
    ['zeroed.mp4', 'media_corrupt'], ['table.mp4', 'media_corrupt'], ['locked.mp4', 'media_encrypted'], ['sound.mp4', 'media_no_video'],
    ['tracks.mp4', 'media_too_large'], ['huge.mp4', 'media_too_large'], ['blank.mp4', 'no_character_found'],
  ])('%s: %s', async (name, code) => {
    expect(refusalIn(await create({ url: `${files.url}/${name}?token=${TOKEN}`, timestamps: '0,1.5' }))).toEqual([422, code])
  })

  test('a window past the end', async () => {
    expect(refusalIn(await create({ url: `${files.url}/good.mp4`, timestamps: '30,32' }))).toEqual([422, 'timestamps_out_of_range'])
  })

  test('bytes behind the video do not matter, and what is written inside it is not kept', async () => {
    const { id, profile_picture_url } = await createSeed(service, { url: `${files.url}/trailing.mp4`, timestamps: '0,2' })
    const parts = [profile_picture_url, ...['clip', 'references/1', 'evidence'].map((part) => `${service.url}/v1/characters/${id}/${part}`)]
    expect(Buffer.from(good).includes(TITLE)).toBe(true)
    for (const part of parts) {
      const response = await fetch(part)
      expect(response.status).toBe(200)
      expect(Buffer.from(await response.arrayBuffer()).includes(TITLE)).toBe(false)
    }
  })
})

describe.concurrent('bodies', () => {
  const bodies: Readonly<Record<string, readonly [body: () => string | Uint8Array<ArrayBuffer>, ...Refusal]>> = {
    'a list': [() => '[1]', 400, 'invalid_json'],
    'cut short': [() => '{"url":"http://exa', 400, 'invalid_json'],
    'deep': [() => `{"a":${'['.repeat(10_000)}${']'.repeat(10_000)}}`, 400, 'invalid_json'],
    'bad UTF-8': [() => Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d), 400, 'invalid_json'],
    'half a surrogate pair': [() => String.raw`{"url":"\ud800"}`, 400, 'invalid_json'],
    'more than 1 MiB': [() => JSON.stringify({ url: canary.url, timestamps: '0,2', pad: 'x'.repeat(1024 * 1024) }), 413, 'request_too_large'],
    'a key twice: the last one is checked': [() => `{"url":"${files.url}/good.mp4","timestamps":"0,2","url":"file:///etc/passwd"}`, 400, 'url_not_allowed'],
    '__proto__': [() => `{"__proto__":{"url":"${files.url}/good.mp4","timestamps":"0,2"}}`, 400, 'missing_required_parameter'],
    'no timestamps': [() => JSON.stringify({ url: `${files.url}/good.mp4` }), 400, 'missing_required_parameter'],
    'a wrong type': [() => JSON.stringify({ url: [`${files.url}/good.mp4`], timestamps: '0,2' }), 400, 'invalid_parameter'],
  }
  test.each(Object.entries(bodies))('%s', async (_, [body, ...refusal]) => {
    expect(refusalIn(await send(body()))).toEqual(refusal)
  })

  test.each(['', '3', '1,2,3', '3,1', '-1,1', '1,1.5', '0,9', 'NaN,3', '0x1,3', '${1+1},4', '<script>'])('the window %j, before anything is fetched', async (timestamps) => {
    expect(refusalIn(await create({ url: canary.url, timestamps }))).toEqual([400, 'invalid_timestamps'])
  })
})

describe.concurrent('HTTP', () => {
  test.each([[{ 'content-type': 'text/plain' }], [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }], [{ 'content-type': 'application/x-www-form-urlencoded' }]])('%j', async (headers) => {
    expect(refusalIn(await send('{}', headers))).toEqual([415, 'unsupported_media_type'])
  })

  test.each([
    ['PUT', SEED, 405, 'method_not_allowed'], ['GET', '/.env', 404, 'not_found'], ['GET', '/v1/characters/..%2f..%2fdramatis.sqlite', 404, 'character_not_found'],
    ['GET', '/media/%2e%2e%2f%2e%2e/dramatis.sqlite', 404, 'not_found'], ['GET', '/v1/characters/<script>alert(1)', 404, 'character_not_found'],
  ])('%s %s', async (method, path, status, code) => {
    const answer = await rawExchange(portOf(service), `${method} ${path} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\nconnection: close\r\n\r\n`)
    expect(refusalIn(toldIn(answer))).toEqual([status, code])
  })

  test.each([
    ['two lengths', ['content-length: 2', 'content-length: 3', '', '{}']], ['a length and chunks', ['content-length: 2', 'transfer-encoding: chunked', '', '0', '', '']],
    ['a bad chunk', ['content-type: application/json', 'transfer-encoding: chunked', '', 'zz', '{}', '']], ['a header of 1 MB', [`x: ${'a'.repeat(1_000_000)}`, '', '']],
  ])('%s: one answer and the end', async (_, lines) => {
    const answer = await rawExchange(portOf(service), [`POST ${SEED} HTTP/1.1`, 'host: x', ...lines].join('\r\n'))
    expect(answer.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1)
    expect(refusalIn(toldIn(answer))).toEqual([400, 'invalid_parameter'])
  })

  test('a hundred requests that never end do not slow the others', async () => {
    const sockets = Array.from({ length: 100 }, () => connect(portOf(service), '127.0.0.1'))
    for (const socket of sockets) socket.on('error', () => {}).write(`POST ${SEED} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{`)
    await sleep(100)
    expect(await healthMs()).toBeLessThan(1000)
    for (const socket of sockets) socket.destroy()
  })
})

const portOf = ({ url }: RunningService): number => Number(new URL(url).port)

function toldIn(answer: string): Told {
  const [top = '', body = ''] = answer.split('\r\n\r\n', 2)
  const [status = '', ...lines] = top.split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]))
  return { status: Number(status.split(' ')[1]), headers, body }
}

describe('after all of it', () => {
  test('the service works, and nothing was connected to that should not be', async () => {
    expect(await healthMs()).toBeLessThan(1000)
    expect((await createSeed(service, { url: `${files.url}/good.mp4?token=${TOKEN}`, timestamps: '0,2' })).username).toMatch(/\w/)
    expect(canary.connections).toEqual([])
  })

  test('nothing is left behind', async () => {
    expect(await workBelow(service)).toEqual([])
    const { facts } = await get(service, '/readyz', z.object({ facts: z.object({ queue_waiting: z.number() }) }))
    expect(facts.queue_waiting).toBe(0)
  })

  test('clients were told no path, no stack, and nothing of what the sources said', () => {
    expect(told.length).toBeGreaterThan(150)
    const leaks = [service.dataFolder, 'scratch', 'node_modules', '.ts:', SECRET, TOKEN, TITLE]
    for (const leak of leaks) expect([leak, told.filter((words) => words.includes(leak))]).toEqual([leak, []])
  })

  test('the log holds no address of a video beyond its host, and nothing that sources said', () => {
    const log = service.log()
    expect(log).toContain('character.failed')
    for (const leak of [TOKEN, '/clip.mp4', '/good.mp4', SECRET, TITLE]) expect([leak, log.includes(leak)]).toEqual([leak, false])
    expect(log).not.toMatch(/request\.failed|character\.bug/)
  })

  test('forty sources at once that never answer: some wait, the others come back later, and nobody else is slowed', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => postJson(service, SEED, { url: `http://${origin.pair}/silent?${i}`, timestamps: '0,2' }, { prefer: 'respond-async' })))
    const refused = answers.filter(({ status }) => status === 429)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202, 429]))
    expect(refused.length).toBeGreaterThanOrEqual(28)
    for (const { headers } of refused) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect(headers.get('x-should-retry')).toBeNull()
    }
    expect(await healthMs()).toBeLessThan(1000)
  })
})
