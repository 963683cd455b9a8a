import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { answerRange, startOrigin, type Origin } from '../../test/support/origins.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { parseSourceUrl } from './source-url.ts'
import { openUrlSource } from './url-source.ts'

const KiB = 1024
const VIDEO = Uint8Array.from({ length: 3_000_000 }, (_, index) => (index * 7919) >> 5)

let scratchFolder: string
beforeEach(async () => { scratchFolder = await mkdtemp(join(tmpdir(), 'net-')) })
afterEach(async () => {
  assert.deepEqual(await readdir(scratchFolder), [])
  await rm(scratchFolder, { recursive: true })
})

async function open({ url, pair }: Origin, { maxBytes = 10_000_000, signal = new AbortController().signal } = {}): Promise<ByteSource> {
  return await openUrlSource(parseSourceUrl(url, [pair]), { settings: { allow: [pair], dnsServers: [], maxBytes }, scratchFolder, signal })
}

async function expectBytes(source: ByteSource, start: number, end: number, { isPlanned = false, of = VIDEO } = {}): Promise<number> {
  const run = await source.read(start, end, { isPlanned })
  expect(Buffer.compare(run.bytes.subarray(start - run.start, end - run.start), of.subarray(start, end))).toBe(0)
  return run.bytes.length
}

describe('a server with ranges', () => {
  test('is asked for 64 KiB first, further ahead with each read that follows, and for planned ranges as they are', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    await using source = await open(origin)
    expect([source.size, source.requests, source.bytesRead]).toEqual([VIDEO.length, 1, 64 * KiB])
    await expectBytes(source, 0, 100)
    await expectBytes(source, 64 * KiB, 64 * KiB + 16)
    await expectBytes(source, 96 * KiB, 96 * KiB + 16)
    await expectBytes(source, 1_000_000, 1_000_016)
    await expectBytes(source, 2_000_000, 2_300_000, { isPlanned: true })
    await expectBytes(source, 2_999_999, 3_000_000)
    expect(origin.ranges).toEqual([
      'bytes=0-65535', 'bytes=65536-98303', 'bytes=98304-163839', 'bytes=1000000-1016383', 'bytes=2000000-2299999', 'bytes=2999999-2999999',
    ])
    expect(source.requests).toBe(6)
    expect(source.bytesRead).toBe((64 + 32 + 64 + 16) * KiB + 300_000 + 1)
    expect(origin.connections).toHaveLength(1)
  })

  test('gives what was read once without asking again, as the whole block', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    await using source = await open(origin)
    expect(await expectBytes(source, 10, 20)).toBe(64 * KiB)
    await expectBytes(source, 2_000_000, 2_300_000, { isPlanned: true })
    expect(await expectBytes(source, 2_100_000, 2_100_001)).toBe(300_000)
    expect(source.requests).toBe(2)
  })

  test('reads only what is missing of a range, and joins it', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    await using source = await open(origin)
    await expectBytes(source, 100_000, 200_000, { isPlanned: true })
    await expectBytes(source, 1000, 250_000, { isPlanned: true })
    expect(origin.ranges.slice(2)).toEqual(['bytes=65536-99999', 'bytes=200000-249999'])
    expect(source.bytesRead).toBe(250_000)
  })

  test('read-ahead stops at 1 MiB and the end of the source', async () => {
    const long = new Uint8Array(12_000_000)
    await using origin = await startOrigin(answerRange(long))
    await using source = await open(origin, { maxBytes: 20_000_000 })
    for (let at = 0; at < long.length; at += 50_000) await expectBytes(source, at, at + 50_000, { of: long })
    const sizes = origin.ranges.map((range) => Number(range?.split('-')[1]) + 1 - Number(range?.slice(6).split('-')[0]))
    expect(Math.max(...sizes)).toBe(1024 * KiB)
    expect(source.bytesRead).toBe(long.length)
  })

  test('takes turns when reads are asked for at once', async () => {
    let most = 0
    let underWay = 0
    await using origin = await startOrigin((request, response) => {
      most = Math.max(most, ++underWay)
      response.on('close', () => { underWay-- })
      setTimeout(() => answerRange(VIDEO)(request, response), 5)
    })
    await using source = await open(origin)
    await Promise.all([1, 2, 3, 4].map((part) => expectBytes(source, part * 500_000, part * 500_000 + 10, { isPlanned: true })))
    expect(most).toBe(1)
  })

  test('a range outside of the source is the caller’s bug, and an empty one is empty', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    await using source = await open(origin)
    const outside = [[-1, 5], [0, VIDEO.length + 1], [5, 4], [0.5, 2], [0, Number.NaN]]
    for (const [start, end] of outside) await expect(source.read(start, end)).rejects.toThrow(RangeError)
    expect(await source.read(7, 7)).toEqual({ start: 7, bytes: new Uint8Array(0) })
    expect(source.requests).toBe(1)
  })

  test('a video smaller than the first read', async () => {
    await using origin = await startOrigin(answerRange(VIDEO.subarray(0, 1000)))
    await using source = await open(origin)
    expect([source.size, source.bytesRead]).toEqual([1000, 1000])
    await expectBytes(source, 0, 1000)
    expect(source.requests).toBe(1)
  })

  test('that closes each connection, or lost the kept one, is asked again on a new one', async () => {
    await using closing = await startOrigin((request, response) => answerRange(VIDEO)(request, response.setHeader('connection', 'close')))
    await using source = await open(closing)
    await expectBytes(source, 1_000_000, 1_000_010)
    expect(closing.connections).toHaveLength(2)

    await using forgetful = await startOrigin((request, response) => {
      if (forgetful.ranges.length === 2) request.socket.destroy()
      else answerRange(VIDEO)(request, response)
    })
    await using second = await open(forgetful)
    await expectBytes(second, 1_000_000, 1_000_010)
    expect([forgetful.connections.length, second.requests]).toEqual([2, 3])
  })
})

describe('a server without ranges', () => {
  test('is read whole once into a private file that goes with the source', async () => {
    await using origin = await startOrigin((_request, response) => { response.end(VIDEO) })
    {
      await using source = await open(origin)
      await expectBytes(source, 2_000_000, 2_300_000, { isPlanned: true })
      await expectBytes(source, 0, VIDEO.length)
      expect([source.size, source.requests, source.bytesRead]).toEqual([VIDEO.length, 1, VIDEO.length])
      const [name] = await readdir(scratchFolder)
      expect((await stat(join(scratchFolder, name))).mode & 0o777).toBe(0o600)
    }
    expect(await readdir(scratchFolder)).toEqual([])
  })

  test('also without a stated length', async () => {
    await using origin = await startOrigin((_request, response) => {
      response.write(VIDEO.subarray(0, 1_000_000))
      response.end(VIDEO.subarray(1_000_000))
    })
    await using source = await open(origin)
    expect(source.size).toBe(VIDEO.length)
    await expectBytes(source, 999_990, 1_000_010)
  })

  test.each<[string, number, Readonly<Record<string, string>>]>([
    ['416 to any range', 416, {}],
    ['parts', 206, { 'content-type': 'multipart/byteranges; boundary=x' }],
    ['a range of unknown total', 206, { 'content-range': 'bytes 0-65535/*' }],
    ['another range', 206, { 'content-range': 'bytes 5-65540/3000000' }],
    ['a longer range', 206, { 'content-range': 'bytes 0-2999999/3000000' }],
  ])('one that answers with %s is asked for the whole', async (_name, status, headers) => {
    await using origin = await startOrigin((request, response) => {
      if (request.headers.range) response.writeHead(status, headers).end()
      else response.end(VIDEO)
    })
    await using source = await open(origin)
    await expectBytes(source, 0, VIDEO.length)
    expect(origin.ranges).toEqual(['bytes=0-65535', null])
    expect(source.bytesRead).toBe(VIDEO.length)
  })

  test('one that turns to the whole later is read whole then, if it is the same', async () => {
    await using origin = await startOrigin((request, response) => {
      if (origin.ranges.length < 3) answerRange(VIDEO)(request, response)
      else response.end(VIDEO)
    })
    await using source = await open(origin)
    await expectBytes(source, 1_000_000, 1_000_010)
    await expectBytes(source, 2_000_000, 2_500_000, { isPlanned: true })
    await expectBytes(source, 0, 100)
    await expectBytes(source, 2_999_000, 3_000_000)
    expect(source.requests).toBe(3)
  })
})

describe('two versions are never mixed', () => {
  const OTHER = VIDEO.map((byte) => byte ^ 1)

  test.each<[string, RequestListener]>([
    ['another etag', answerRange(OTHER, { etag: '"v2"' })],
    ['another total', answerRange(VIDEO.subarray(0, 2_500_000))],
    ['a whole of another etag', (_request, response) => { response.writeHead(200, { etag: '"v2"' }).end(VIDEO) }],
    ['a whole of another length', (_request, response) => { response.end(VIDEO.subarray(0, 2_500_000)) }],
    ['a whole of another length, not stated', (_request, response) => { response.writeHead(200).end(VIDEO.subarray(0, 2_500_000)) }],
    ['a whole with other bytes', (_request, response) => { response.end(OTHER) }],
  ])('%s', async (_name, later) => {
    await using changing = await startOrigin((request, response) => (changing.ranges.length === 1 ? answerRange(VIDEO) : later)(request, response))
    await using source = await open(changing)
    await expect(source.read(1_000_000, 1_000_010)).rejects.toMatchObject({ code: 'source_changed', status: 422 })
  })

  test('a strong etag is sent along', async () => {
    const conditions: unknown[] = []
    await using origin = await startOrigin((request, response) => {
      conditions.push(request.headers['if-range'])
      answerRange(VIDEO)(request, response)
    })
    await using source = await open(origin)
    await expectBytes(source, 1_000_000, 1_000_010)
    expect(conditions).toEqual([undefined, '"v1"'])
  })

  test('a weak etag is compared, but not sent', async () => {
    await using weak = await startOrigin((request, response) => {
      expect(request.headers['if-range']).toBeUndefined()
      answerRange(VIDEO, { etag: weak.ranges.length < 3 ? 'W/"1"' : 'W/"2"' })(request, response)
    })
    await using source = await open(weak)
    await expectBytes(source, 1_000_000, 1_000_010)
    await expect(source.read(2_000_000, 2_000_010)).rejects.toMatchObject({ code: 'source_changed' })
  })
})

describe('redirects', () => {
  test('are followed, with the range, and counted; later reads go straight there', async () => {
    await using target = await startOrigin(answerRange(VIDEO))
    await using origin = await startOrigin((request, response) => {
      const hop = Number(request.url?.split('/')[2] ?? 0)
      response.writeHead(302, { location: hop < 4 ? `/hop/${hop + 1}` : target.url }).end()
    })
    const allow = [origin.pair, target.pair]
    const url = parseSourceUrl(`http://${origin.pair}/hop/0`, allow)
    await using source = await openUrlSource(url, { settings: { allow, dnsServers: [], maxBytes: 1e7 }, scratchFolder, signal: new AbortController().signal })
    expect([source.requests, origin.ranges.length, target.ranges]).toEqual([6, 5, ['bytes=0-65535']])
    await expectBytes(source, 1_000_000, 1_000_010)
    expect(source.requests).toBe(7)
  })
})

test('a redirect in plain UTF-8 leads where it says', async () => {
  const asked: unknown[] = []
  await using origin = await startOrigin((request, response) => {
    asked.push(request.url)
    if (asked.length > 1) answerRange(VIDEO)(request, response)
    else request.socket.end('HTTP/1.1 302 Found\r\nlocation: /视频.mp4\r\n\r\n')
  })
  await using source = await open(origin)
  expect(source.size).toBe(VIDEO.length)
  expect(asked).toEqual(['/clip.mp4', encodeURI('/视频.mp4')])
})

describe('ending', () => {
  test('the signal ends opening and reading with its reason, and closing ends the connection', async () => {
    await using silent = await startOrigin((request, response) => { if (silent.ranges.length === 1) answerRange(VIDEO)(request, response) })
    const controller = new AbortController()
    const source = await open(silent, { signal: controller.signal })
    const read = source.read(1_000_000, 1_000_010)
    setTimeout(() => controller.abort(new Error('the job ended')), 50)
    await expect(read).rejects.toThrow('the job ended')
    await expect(source.read(0, 10)).rejects.toThrow('the job ended')
    await source[Symbol.asyncDispose]()
    await expect.poll(() => silent.connections.every((socket) => socket.destroyed)).toBe(true)
  })

  test('the signal of one read ends that read alone', async () => {
    await using silent = await startOrigin((request, response) => { if (silent.ranges.length !== 2) answerRange(VIDEO)(request, response) })
    await using source = await open(silent)
    await expect(source.read(1_000_000, 1_000_010, { signal: AbortSignal.timeout(50) })).rejects.toThrow(/timeout/)
    await expectBytes(source, 1_000_000, 1_000_010)
  })

  test('closing while the whole is being spooled leaves no file', async () => {
    await using slow = await startOrigin((_request, response) => {
      response.writeHead(200, { 'content-length': 2_000_000 }).write(VIDEO.subarray(0, 1_000_000))
    })
    const controller = new AbortController()
    const opening = open(slow, { signal: controller.signal })
    await expect.poll(() => readdir(scratchFolder)).toHaveLength(1)
    controller.abort(new Error('gone'))
    await expect(opening).rejects.toThrow('gone')
  })
})
