import { describe, expect, test } from 'vitest'
import { startOrigin, startRawOrigin } from '../../test/support/origins.ts'
import { startStrictServer, type Answer, type Controls, type Interference } from '../../test/support/strict-server.ts'
import type { AppError } from '../domain/errors.ts'
import { createService, isGone, type Service } from './service-call.ts'

const KEY = 'sk-a-secret-of-the-operator'
const { signal } = new AbortController()

const serviceAt = (origin: string, { timeoutMs = 5000 } = {}): Service => createService({ url: `${origin}/v1`, headers: { authorization: `Bearer ${KEY}`, 'x-team': 'team-secret' }, timeoutMs })

async function answering(answer: Answer | Interference) {
  const controls: Controls = { interfere: typeof answer === 'function' ? answer : () => answer }
  const server = await startStrictServer(() => ({ status: 500 }), controls)
  return { service: serviceAt(server.origin), origin: server.origin, received: server.received, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const readAll = async (bytes: AsyncIterable<Uint8Array>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(bytes))
const failureOf = (work: Promise<unknown>): Promise<AppError> => work.then(() => { throw new Error('it worked') }, (error: AppError) => error)

describe('a call', () => {
  test('goes below the address, with the headers, as JSON or as a form', async () => {
    await using there = await answering({ status: 200, body: { ok: 1 } })
    expect(await there.service.ask('/videos', { method: 'POST', body: { a: 'ä' }, signal })).toEqual({ ok: 1 })
    const form = new FormData()
    form.append('files', new File(['bytes'], 'a.png', { type: 'image/png' }))
    await there.service.ask('/videos', { method: 'POST', body: form, signal })
    expect(there.received.map(({ method, path, kind, headers }) => [method, path, kind, headers.authorization, headers['x-team']])).toEqual([
      ['POST', '/v1/videos', 'json', `Bearer ${KEY}`, 'team-secret'], ['POST', '/v1/videos', 'multipart', `Bearer ${KEY}`, 'team-secret'],
    ])
    expect(there.received.map(({ json }) => json)).toEqual([{ a: 'ä' }, null])
    expect(there.received[1].fields).toEqual([{ name: 'files', filename: 'a.png', mime: 'image/png', bytes: new Uint8Array(Buffer.from('bytes')) }])
  })

  test('whose answer says nothing', async () => {
    await using there = await answering({ status: 200, body: '' })
    await expect(there.service.tell('/interrupt', { method: 'POST', body: {}, signal })).resolves.toBeUndefined()
  })

  test('of a form that is aborted leaves nothing behind', async () => {
    const form = new FormData()
    form.set('file', new File([new Uint8Array(100_000)], 'a'))
    await expect(serviceAt('http://127.0.0.1:1').ask('/', { method: 'POST', body: form, signal: AbortSignal.abort(new Error('over')) })).rejects.toThrow('over')
    await new Promise((resolve) => { setTimeout(resolve, 20) }) // a rejection nobody caught would end this process
  })
})

describe('an answer', () => {
  test.each([408, 425, 429, 500, 502, 503, 529])('of %i may pass', async (status) => {
    await using there = await answering({ status, body: { error: { message: 'busy' } } })
    expect(await failureOf(there.service.ask('/', { signal }))).toMatchObject({ code: 'backend_unavailable', details: { status } })
  })

  test.each<[string, unknown, string]>([
    ['OpenAI', { error: { message: 'The prompt was refused.', type: 'x', param: null, code: 'y' } }, 'The prompt was refused.'],
    ['FastAPI', { detail: 'Model mismatch' }, 'Model mismatch'],
    ['FastAPI’s validation', { detail: [{ type: 'value_error', loc: ['body', 'seconds'], msg: 'must be whole' }, { loc: ['body', 'size'], msg: 'too large' }] }, 'body.seconds: must be whole; body.size: too large'],
    ['ComfyUI', { error: { type: 't', message: 'Failed validation', details: 'LoadImage 5', extra_info: {} }, node_errors: {} }, 'Failed validation: LoadImage 5'],
    ['a bare word', { error: 'no prompt' }, 'no prompt'],
    ['relays', { code: 'bad', message: 'quota is used up', data: null }, 'quota is used up'],
    ['a page', '<html><h1>Forbidden</h1></html>', 'HTTP 400'],
    ['text', 'Bad\r\nrequest\u0000', 'Bad request'],
    ['nothing', '', 'HTTP 400'],
    ['an empty object', {}, 'HTTP 400'],
    ['broken JSON', '{"error": ', '{"error":'],
  ])('of 400 in the form of %s is a refusal in its words', async (_name, body, said) => {
    await using there = await answering({ status: 400, body })
    expect(await failureOf(there.service.ask('/', { signal }))).toMatchObject({ code: 'backend_rejected', details: { said, status: 400 } })
  })

  test('of 404 can be told apart', async () => {
    await using there = await answering(({ path }) => ({ status: path === '/v1/gone' ? 404 : 400 }))
    expect(isGone(await failureOf(there.service.ask('/gone', { signal })))).toBe(true)
    expect(isGone(await failureOf(there.service.ask('/bad', { signal })))).toBe(false)
  })

  test('has its words cut, and its secrets and addresses taken out', async () => {
    await using there = await answering({ status: 401, body: { detail: `Bearer ${KEY} and ${KEY} and team-secret are wrong at https://inside.example/v1?sig=abc, data:image/png;base64,AAAA ${'long '.repeat(200)}` } })
    const { details } = await failureOf(there.service.ask('/', { signal }))
    expect(details.said).toMatch(/^… and … and … are wrong at \[address\] \[data\] long/)
    expect([...String(details.said)]).toHaveLength(300)
  })

  test.each<[string, unknown, string]>([
    ['an error in place of success', { error: { message: `no such key: ${KEY}` } }, 'its answer of success is an error: no such key: …'],
    ['a page', '<!DOCTYPE html><html></html>', 'its answer is an HTML page'],
    ['text', 'ok', 'its answer is not JSON'],
    ['too much', 'x'.repeat(5_000_000), 'its answer is longer than 4194304 bytes'],
  ])('of 200 that is %s is none', async (_name, body, reason) => {
    await using there = await answering({ status: 200, body })
    expect(await failureOf(there.service.ask('/', { signal }))).toMatchObject({ code: 'output_invalid', message: expect.stringContaining(reason) })
  })

  test('with an error beside its status, or an empty one, is one', async () => {
    await using there = await answering(({ path }) => ({ status: 200, body: path === '/v1/job' ? { status: 'failed', error: { message: 'x' } } : { id: 1, error: null } }))
    expect(await there.service.ask('/job', { signal })).toEqual({ status: 'failed', error: { message: 'x' } })
    expect(await there.service.ask('/other', { signal })).toEqual({ id: 1, error: null })
  })

  test('that redirects is not followed', async () => {
    await using inside = await startOrigin((_request, response) => { response.end('{}') })
    await using there = await answering({ status: 307, body: '', headers: { location: inside.url } })
    expect(await failureOf(there.service.ask('/', { method: 'POST', body: {}, signal }))).toMatchObject({ code: 'backend_rejected', details: { said: { en: 'it redirects elsewhere' } } })
    expect(inside.ranges).toEqual([])
  })
})

describe('no answer', () => {
  test('because nobody is there', async () => {
    const gone = await startOrigin(() => {})
    await gone[Symbol.asyncDispose]()
    const error = await failureOf(serviceAt(`http://${gone.pair}`).ask('/', { signal }))
    expect(error).toMatchObject({ code: 'backend_unavailable' })
    expect(error.cause).toBeInstanceOf(Error)
  })

  test.each<[string, (socket: { write(text: string): unknown; destroy(): unknown }) => void]>([
    ['because it hangs up', (socket) => { socket.destroy() }],
    ['that is HTTP', (socket) => { socket.write('220 smtp ready\r\n') }],
    ['that ends', (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{'); setTimeout(() => socket.destroy(), 20) }],
    ['in time', () => {}],
    ['that ends in time', (socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{') }],
  ])('%s', async (_name, speak) => {
    await using there = await startRawOrigin((socket) => speak(socket))
    expect(await failureOf(serviceAt(`http://${there.pair}`, { timeoutMs: 100 }).ask('/', { signal }))).toMatchObject({ code: 'backend_unavailable' })
  })

  test('before the signal fires is its reason', async () => {
    await using there = await startOrigin(() => {})
    const reason = new Error('over')
    const controller = new AbortController()
    const asking = serviceAt(`http://${there.pair}`).ask('/', { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 20)
    await expect(asking).rejects.toBe(reason)
  })
})

describe('a file', () => {
  const VIDEO = new Uint8Array(300_000).fill(7)

  test('comes whole', async () => {
    await using there = await answering({ status: 200, body: VIDEO })
    expect(Buffer.compare(await readAll(await there.service.open('/content', { signal, maxBytes: 300_000 })), VIDEO)).toBe(0)
  })

  test.each<[string, Answer]>([
    ['that says it is too large', { status: 200, body: VIDEO }],
    ['that turns out too large', { status: 200, body: VIDEO, headers: { 'transfer-encoding': 'chunked' } }],
    ['that is JSON', { status: 200, body: { status: 'in_progress' } }],
    ['that is a page', { status: 200, body: '<html></html>' }],
  ])('%s is refused', async (_name, answer) => {
    await using there = await answering(answer)
    const reading = async (): Promise<unknown> => readAll(await there.service.open('/content', { signal, maxBytes: 1000 }))
    await expect(reading()).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('that breaks off, or stalls, may come later', async () => {
    await using there = await startRawOrigin((socket, request) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc')
      if (request.includes('/broken')) setTimeout(() => socket.destroy(), 20)
    })
    const service = serviceAt(`http://${there.pair}`, { timeoutMs: 150 })
    for (const path of ['/broken', '/stalled']) {
      const reading = async (): Promise<unknown> => readAll(await service.open(path, { signal, maxBytes: 1000 }))
      await expect(reading()).rejects.toMatchObject({ code: 'backend_unavailable' })
    }
  })

  test('that is slow, but comes, is waited for beyond the time for an answer', async () => {
    await using there = await startRawOrigin((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n')
      let sent = 0
      const timer = setInterval(() => {
        socket.write('x')
        if (++sent === 8) clearInterval(timer)
      }, 40)
    })
    expect(await readAll(await serviceAt(`http://${there.pair}`, { timeoutMs: 200 }).open('/', { signal, maxBytes: 10 }))).toHaveLength(8)
  })

  test('is left when the signal fires, or the reader leaves', async () => {
    await using there = await startRawOrigin((socket) => { socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc') })
    const controller = new AbortController()
    const reason = new Error('over')
    const reading = readAll(await serviceAt(`http://${there.pair}`).open('/', { signal: controller.signal, maxBytes: 1000 }))
    setTimeout(() => controller.abort(reason), 20)
    await expect(reading).rejects.toBe(reason)
    for await (const chunk of await serviceAt(`http://${there.pair}`).open('/', { signal, maxBytes: 1000 })) if (chunk.length > 0) break
    // fetch keeps connections at hand that nothing was asked on
    await expect.poll(() => there.connections.filter(({ bytesRead }) => bytesRead > 0).every(({ destroyed }) => destroyed)).toBe(true)
  })
})
