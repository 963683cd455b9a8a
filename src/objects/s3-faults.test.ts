import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { startFaultyS3, type FaultyS3 } from '../../test/support/faulty-s3.ts'
import { startOrigin, startRawOrigin } from '../../test/support/origins.ts'
import { openBucket } from '../../test/support/s3-server.ts'
import type { Log } from '../runtime/log.ts'
import type { ObjectStore } from './object-store.ts'
import { openS3Objects, parseS3Url } from './s3-objects.ts'
import { S3_LIMITS } from './s3-wire.ts'

const s3Url = inject('s3Url') ?? ''
const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }
/** Like the real ones, with times of a tenth and less. */
const LIMITS = { ...S3_LIMITS, connectMs: 200, idleMs: 1000, exchangeMs: 1500, leastBytesPerSecond: 500_000, readerMs: 1500, pauseMs: 20, retryWithinMs: 250 }
const KEY = 'char_1/1/clip.mp4'
const BODY = new Uint8Array(300_000).fill(7)
const unavailable = { code: 'storage_unavailable', details: { retryAfterSeconds: 30 } }

const begin = async () => {
  const bucket = await openBucket(s3Url)
  const faulty = await startFaultyS3({ inFrontOf: bucket.url })
  const told: { event: string; fields: unknown }[] = []
  const log: Log = { ...silent, warn: (event, fields) => { told.push({ event, fields }) } }
  onTestFinished(async () => { await faulty[Symbol.asyncDispose](); await bucket[Symbol.asyncDispose]() })
  const objects = openS3Objects(parseS3Url(faulty.url), { log, limits: LIMITS })
  await objects.put(KEY, BODY)
  return { objects, faulty, told }
}
const read = async (objects: ObjectStore, key = KEY): Promise<Buffer> => Buffer.concat(await Array.fromAsync(await objects.get(key)))
const everyCall = (objects: ObjectStore): readonly (() => Promise<unknown>)[] => [
  () => objects.put(KEY, BODY), () => read(objects), () => objects.get(KEY, { start: 0, end: 5 }), () => objects.deleteFolder('char_1'), () => Array.fromAsync(objects.listFolders()),
]
const asked = ({ asked }: FaultyS3): number => asked.length
const objectsAt = (pair: string): ObjectStore => openS3Objects(parseS3Url(`http://KEY:hidden@${pair}/bucket`), { log: silent, limits: { ...LIMITS, tries: 1 } })
const said = (code: string): string => `<?xml version="1.0"?>\n<Error><Code>${code}</Code></Error>`
async function* mebibytes(count: number): AsyncGenerator<Uint8Array> { for (let i = 0; i < count; i++) yield new Uint8Array(1024 * 1024) }

describe.skipIf(s3Url === '')('a server in trouble', () => {
  test.each(['unavailable', 'reset', 'stall'] as const)('%s once: the call goes on, and is right', async (trouble) => {
    const { objects, faulty, told } = await begin()
    // What stalls is given up after the time for tries, so that nobody waits for two of them.
    const again = openS3Objects(parseS3Url(faulty.url), { log: silent, limits: { ...LIMITS, retryWithinMs: 5000 } })
    for (const call of trouble === 'stall' ? everyCall(again).slice(0, 2) : everyCall(objects)) {
      faulty.meet(trouble, { times: 1 })
      await call()
      faulty.meet('none')
      await objects.put(KEY, BODY)
    }
    expect((await read(objects)).equals(BODY)).toBe(true)
    expect(told).toEqual([])
  })

  test.each([['unavailable', 503, 'SlowDown'], ['reset', null, 'ECONNRESET']] as const)('%s for ever: storage_unavailable after four tries, told once', async (trouble, status, reason) => {
    const { objects, faulty, told } = await begin()
    const patient = openS3Objects(parseS3Url(faulty.url), { log: { ...silent, warn: (event, fields) => { told.push({ event, fields }) } }, limits: { ...LIMITS, retryWithinMs: 60_000 } })
    faulty.meet(trouble)
    const before = asked(faulty)
    await expect(patient.put(KEY, BODY)).rejects.toMatchObject(unavailable)
    expect(asked(faulty) - before).toBe(4)
    expect(told).toEqual([{ event: 'objects.unavailable', fields: { status, reason } }])
    for (const call of everyCall(objects)) await expect(call()).rejects.toMatchObject(unavailable)
  })

  test('stalled for ever: every call ends soon after the time without a byte', async () => {
    const { objects, faulty } = await begin()
    faulty.meet('stall')
    const startedMs = performance.now()
    await Promise.all(everyCall(objects).map(async (call) => expect(call()).rejects.toMatchObject(unavailable)))
    expect(performance.now() - startedMs).toBeLessThan(LIMITS.retryWithinMs + LIMITS.idleMs + 1000)
  })

  test.each([['cut', 'ECONNRESET'], ['stall in body', 'Stalled'], ['drip', 'TooSlow']] as const)('%s: what is read breaks off with storage_unavailable', async (trouble, reason) => {
    const { objects, faulty, told } = await begin()
    faulty.meet(trouble)
    const bytes = await objects.get(KEY)
    const startedMs = performance.now()
    let received = 0
    const reading = async (): Promise<void> => { for await (const piece of bytes) received += piece.length }
    await expect(reading()).rejects.toMatchObject({ ...unavailable, cause: { reason } })
    expect(received).toBeGreaterThan(0)
    expect(performance.now() - startedMs).toBeLessThan(LIMITS.exchangeMs + (BODY.length / LIMITS.leastBytesPerSecond) * 1000 + LIMITS.idleMs)
    expect(told).toHaveLength(1)
  }, 15_000)

  test('a slow reader is not a slow server; one that never comes back loses its connection', async () => {
    const { objects } = await begin()
    const large = new Uint8Array(6_000_000) // more than lies ready between the two
    await objects.put(KEY, large)
    let received = 0
    for await (const piece of await objects.get(KEY)) {
      if (received === 0) await new Promise((resolve) => { setTimeout(resolve, LIMITS.idleMs + 400) })
      received += piece.length
    }
    expect(received).toBe(large.length)
    const left = await objects.get(KEY)
    await new Promise((resolve) => { setTimeout(resolve, LIMITS.readerMs + 100) })
    await expect(Array.fromAsync(left)).rejects.toMatchObject(unavailable)
  })

  test('a part that fails for ever takes the upload with it, also while its stream has no more bytes yet', async () => {
    const { objects, faulty } = await begin()
    faulty.meet('unavailable', { only: (line) => line.includes('partNumber=2') })
    await expect(objects.put('video_1/1/video.mp4', mebibytes(20))).rejects.toMatchObject(unavailable)
    expect(faulty.asked.some((line) => /^DELETE .*uploadId=/.test(line))).toBe(true)
    await expect(objects.get('video_1/1/video.mp4')).rejects.toMatchObject({ name: 'ObjectNotFound' })
  })

  test('the signal ends a wait for the server, and for the next try', async () => {
    const { faulty } = await begin()
    const objects = openS3Objects(parseS3Url(faulty.url), { log: silent })
    const reason = new Error('it is over')
    for (const trouble of ['stall', 'unavailable', 'stall in body'] as const) {
      faulty.meet(trouble)
      const aborting = new AbortController()
      setTimeout(() => aborting.abort(reason), 100)
      const work = trouble === 'stall in body' ? objects.get(KEY, undefined, aborting).then((bytes) => Array.fromAsync(bytes)) : objects.put(KEY, BODY, aborting)
      await expect(work).rejects.toBe(reason)
    }
  })

  test('a check says what is wrong and how to mend it, and keeps the secret', async () => {
    const { faulty } = await begin()
    const place = parseS3Url(faulty.url)
    const check = (changed: Partial<typeof place>): Promise<void> => openS3Objects({ ...place, ...changed }, { log: silent, limits: LIMITS }).check()
    await check({})
    await expect(check({ secretAccessKey: 'wrong' })).rejects.toThrow('The secret does not belong to the access key. Correct SECRET')
    await expect(check({ accessKeyId: 'nobody:nobody' })).rejects.toThrow(/does not know this access key|The secret does not belong/)
    await expect(check({ endpoint: `${new URL(place.endpoint).origin}/no-such-bucket`, bucket: 'no-such-bucket' })).rejects.toThrow('There is no bucket no-such-bucket at 127.0.0.1')
    await expect(check({ endpoint: 'http://no-such-host.invalid/bucket', host: 'no-such-host.invalid' })).rejects.toThrow('There is no host no-such-host.invalid')
    await expect(check({ endpoint: place.endpoint.replace('http:', 'https:') })).rejects.toThrow('does not speak TLS')
    faulty.meet('unavailable')
    await expect(check({})).rejects.toThrow('is overloaded or out of order')
    faulty.meet('stall')
    await expect(check({})).rejects.toThrow('takes connections and does not answer')
    await faulty[Symbol.asyncDispose]()
    await expect(check({})).rejects.toThrow('Nothing answers at 127.0.0.1')
  })

  test('run-time refusals are unavailable too, and logged with the code of S3, never as not found', async () => {
    const { faulty, told } = await begin()
    const log: Log = { ...silent, warn: (event, fields) => { told.push({ event, fields }) } }
    const place = parseS3Url(faulty.url)
    const before = asked(faulty)
    await expect(openS3Objects({ ...place, secretAccessKey: 'wrong' }, { log }).get(KEY)).rejects.toMatchObject(unavailable)
    await expect(openS3Objects({ ...place, endpoint: place.endpoint.replace(/\/[^/]+$/, '/no-such-bucket') }, { log }).get(KEY)).rejects.toMatchObject(unavailable)
    expect(asked(faulty) - before).toBe(2) // neither is tried again
    expect(told).toEqual([
      { event: 'objects.unavailable', fields: { status: 403, reason: 'SignatureDoesNotMatch' } }, { event: 'objects.unavailable', fields: { status: 404, reason: 'NoSuchBucket' } },
    ])
  })
})

describe('an answer', () => {
  test.each([[507, '', 'storage_full'], [403, 'QuotaExceeded', 'storage_full'], [413, 'EntityTooLarge', 'storage_full'], [400, 'Whatever', 'storage_unavailable'], [404, '', 'storage_unavailable'], [301, 'PermanentRedirect', 'storage_unavailable'], [200, 'InternalError', 'storage_unavailable']])('of %i %s to a put is %s', async (status, code, expected) => {
    await using origin = await startOrigin((request, response) => { request.resume(); response.writeHead(status).end(said(code)) })
    await expect(objectsAt(origin.pair).put(KEY, BODY)).rejects.toMatchObject({ code: expected })
  })

  test('that a large upload failed after all, with a status of success, is heard', async () => {
    await using origin = await startOrigin((request, response) => {
      request.resume()
      const isComplete = request.method === 'POST' && request.url?.includes('uploadId')
      response.writeHead(200, { etag: '"1"' }).end(isComplete ? said('InternalError') : '<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>')
    })
    await expect(objectsAt(origin.pair).put(KEY, mebibytes(9))).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  test('that is endless is cut off', async () => {
    await using origin = await startOrigin((_request, response) => {
      response.writeHead(200)
      const more = (): void => { while (!response.destroyed && response.write('<a>'.repeat(100_000))); if (!response.destroyed) response.once('drain', more) }
      more()
    })
    const objects = openS3Objects(parseS3Url(`http://KEY:hidden@${origin.pair}/bucket`), { log: silent })
    await expect(Array.fromAsync(objects.listFolders())).rejects.toMatchObject({ code: 'storage_unavailable', cause: { reason: 'AnswerTooLong' } })
  })

  test('that is no HTTP, or a page of somebody else, is told at the check', async () => {
    await using smtp = await startRawOrigin((socket) => { socket.write('220 smtp ready\r\n') })
    await expect(objectsAt(smtp.pair).check()).rejects.toThrow('Correct host and port')
    await using page = await startOrigin((_request, response) => { response.writeHead(405).end('<html>') })
    await expect(objectsAt(page.pair).check()).rejects.toThrow('if not, correct host and port')
  })

  test('that does not come because nobody takes the connection ends within the time for it', async () => {
    const gone = await startOrigin(() => {})
    await gone[Symbol.asyncDispose]()
    await expect(objectsAt(gone.pair).get(KEY)).rejects.toMatchObject(unavailable)
    await using mute = await startRawOrigin(() => {}) // it takes the connection, and says nothing to a greeting in TLS
    const objects = openS3Objects(parseS3Url(`https://KEY:hidden@${mute.pair}/bucket`), { log: silent, limits: { ...LIMITS, idleMs: 20_000, exchangeMs: 20_000, tries: 1 } })
    const startedMs = performance.now()
    await expect(objects.get(KEY)).rejects.toMatchObject({ ...unavailable, cause: { reason: 'ConnectTimeout' } })
    expect(performance.now() - startedMs).toBeLessThan(LIMITS.connectMs + 500)
  })
})
