import { createHash } from 'node:crypto'
import { readFile, readdir, rm, stat } from 'node:fs/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { errorOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { rawExchange } from '../../test/support/raw-http.ts'
import { AppError } from '../domain/errors.ts'

type Fields = readonly (readonly [name: string, value: string | Blob])[]
let server: TestServer
beforeAll(async () => {
  server = await startHttpServer({ settings: { uploadMaxBytes: 30_000_000 } })
  for (const username of ['one', 'two', '小明']) server.characters.plant({ username })
})
afterAll(() => server[Symbol.asyncDispose]())
/** Nothing may be left of an upload, however its request ended. */
afterEach(() => nothingLeft(server))

const last = () => server.videos.submitted.at(-1)
const picture = (text: string): Blob => new Blob([text], { type: 'image/png' })
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function post(fields: Fields, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  return server.request('/v1/videos', { method: 'POST', body: form, headers })
}

const manyFields = (count: number, name: (i: number) => string): Fields => Array.from({ length: count }, (_, i) => [name(i), 'x'] as const)
/** A part that is a file, as far as it goes. */
const filePart = (name: string, bytes: string): string => `--x\r\ncontent-disposition: form-data; name="${name}"; filename="a.png"\r\n\r\n${bytes}`

describe('the fields of a form', () => {
  test('are read as JSON would have had them', async () => {
    const response = await post([
      ['prompt', '让@小明跳舞'], ['model', 'sora-2'], ['seconds', '8'], ['size', '1280x720'], ['seed', '7'], ['negative_prompt', 'rain'], ['unknown_mentions', 'text'], ['extra[a][b]', '1'], ['flag', 'true'],
    ])
    expect(response.status).toBe(200)
    expect(last()).toMatchObject({ prompt: '让@小明跳舞', model: 'sora-2', seconds: 8, size: '1280x720', seed: 7, negativePrompt: 'rain', unknownMentions: 'text' })
  })

  test.each<[Fields]>([
    [[['characters[][id]', 'one'], ['characters[][id]', 'two']]],
    [[['characters[0][id]', 'one'], ['characters[1][id]', '@two']]],
    [[['characters[]', 'one'], ['characters[]', '＠two']]],
    [[['characters', '[{"id":"one"},"two"]']]],
    [[['characters', 'one, @two']]],
  ])('name characters as %j', async (fields) => {
    const response = await post([['prompt', 'p'], ...fields])
    expect(response.status).toBe(200)
    expect(last()?.characters).toEqual(['one', 'two'])
  })

  test.each<[Fields, string]>([
    [[['input_reference[image_url]', 'https://example.com/a.png']], 'https://example.com/a.png'],
    [[['input_reference', 'https://example.com/a.png']], 'https://example.com/a.png'],
    [[['input_reference', '{"image_url":"https://example.com/a.png"}']], 'https://example.com/a.png'],
    [[['images[]', 'https://example.com/a,b.png']], 'https://example.com/a,b.png'],
    [[['images', '["https://example.com/a.png"]']], 'https://example.com/a.png'],
    [[['images[0][image_url]', 'https://example.com/a.png']], 'https://example.com/a.png'],
  ])('point at a picture as %j', async (fields, url) => {
    expect((await post([['prompt', 'p'], ...fields])).status).toBe(200)
    expect(last()?.pictures).toEqual([{ type: 'url', url }])
  })

  test('carry a data URI as large as JSON does', async () => {
    const uri = `data:image/png;base64,${Buffer.alloc(15_000_000).toString('base64')}`
    expect((await post([['prompt', 'p'], ['input_reference[image_url]', uri]])).status).toBe(200)
    expect(last()?.pictures).toMatchObject([{ type: 'upload' }])
  })
})

describe('files', () => {
  test('arrive together, each private, the reference first', async () => {
    const seen: { text: string; mode: number }[] = []
    const { submit } = server.videos
    server.videos.submit = async (request) => {
      for (const one of request.pictures) if (one.type === 'upload') seen.push({ text: await readFile(one.path, 'utf8'), mode: (await stat(one.path)).mode & 0o777 })
      return submit(request)
    }
    const response = await post([['images[]', picture('second')], ['prompt', 'p'], ['images[]', picture('third')], ['input_reference', picture('first')]])
    server.videos.submit = submit
    expect(response.status).toBe(200)
    expect(seen).toEqual(['first', 'second', 'third'].map((text) => ({ text, mode: 0o600 })))
    expect(last()?.pictures).toMatchObject(['first', 'second', 'third'].map((text) => ({ type: 'upload', sha256: sha256(text) })))
  })

  test('mix with addresses, in their order', async () => {
    await post([['prompt', 'p'], ['images[]', picture('a')], ['images[]', 'https://example.com/b.png'], ['images[]', picture('c')]])
    expect(last()?.pictures).toMatchObject([{ sha256: sha256('a') }, { url: 'https://example.com/b.png' }, { sha256: sha256('c') }])
  })

  test('sent again are the same request', async () => {
    const fields: Fields = [['prompt', 'retry me'], ['input_reference', picture('same')]]
    const [first, again] = [await post(fields), await post(fields, { 'x-stainless-retry-count': '1' })]
    expect((await again.json()).id).toBe((await first.json()).id)
  })

  test('belong to the service once it has taken them', async () => {
    const { submit } = server.videos
    const kept: string[] = []
    server.videos.submit = async (request) => {
      kept.push(...request.pictures.flatMap((one) => (one.type === 'upload' ? [one.path] : [])))
      return submit({ ...request, pictures: [] })
    }
    const response = await post([['prompt', 'p'], ['input_reference', picture('kept')]])
    server.videos.submit = submit
    await response.text()
    // Another whole request, so that the first one's end has come.
    await (await post([['prompt', 'p']])).text()
    expect(await readFile(kept[0], 'utf8')).toBe('kept')
    await rm(kept[0])
  })

  test('are removed when the service refuses the video', async () => {
    const { submit } = server.videos
    server.videos.submit = async () => { throw new AppError('queue_full', { details: { retryAfterSeconds: 3 } }) }
    const response = await post([['prompt', 'p'], ['input_reference', picture('a')], ['images[]', picture('b')]])
    server.videos.submit = submit
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3'])
  })
})

describe('hostile forms', () => {
  test.each<[string, Fields, number, string, string | null]>([
    ['65 characters', [['prompt', 'p'], ...manyFields(65, (i) => `characters[${i}][id]`)], 400, 'character_not_found', 'characters'],
    ['65 different characters', [['prompt', 'p'], ...Array.from({ length: 65 }, (_, i) => ['characters[][id]', `c${i}`] as const)], 400, 'too_many_characters', 'prompt'],
    ['more fields than are read', [['prompt', 'p'], ...manyFields(128, (i) => `f${i}`)], 400, 'invalid_parameter', 'body'],
    ['nine pictures', [['prompt', 'p'], ...Array.from({ length: 9 }, () => ['images[]', picture('x')] as const)], 400, 'invalid_parameter', 'images'],
    ['ten files', [['prompt', 'p'], ...Array.from({ length: 10 }, () => ['images[]', picture('x')] as const)], 400, 'invalid_parameter', 'body'],
    ['a list with holes', [['prompt', 'p'], ['characters[7][id]', 'one']], 400, 'invalid_parameter', 'characters'],
    ['__proto__ as a character', [['prompt', 'p'], ['characters[__proto__][id]', 'one']], 400, 'invalid_parameter', 'characters'],
    ['brackets without an end', [['prompt', 'p'], ['characters[[id]', 'one']], 400, 'invalid_parameter', 'characters[[id]'],
    ['deep brackets', [['prompt', 'p'], ['characters[0][a][b][c]', 'one']], 400, 'invalid_parameter', 'characters[0][a][b][c]'],
    ['a value that is also an object', [['prompt', 'p'], ['input_reference', 'https://example.com/a.png'], ['input_reference[image_url]', 'https://example.com/b.png']], 400, 'invalid_parameter', 'input_reference[image_url]'],
    ['a file that is also an object', [['prompt', 'p'], ['input_reference', picture('a')], ['input_reference[image_url]', 'https://example.com/b.png']], 400, 'invalid_parameter', 'input_reference[image_url]'],
    ['two reference files', [['prompt', 'p'], ['input_reference', picture('a')], ['input_reference', picture('b')]], 400, 'invalid_parameter', 'input_reference'],
    ['a file as the prompt', [['prompt', picture('p')]], 400, 'invalid_parameter', 'prompt'],
    ['a file as a character', [['prompt', 'p'], ['characters[]', picture('p')]], 400, 'invalid_parameter', 'characters[]'],
    ['a file as the video', [['prompt', 'p'], ['video', picture('p')]], 400, 'invalid_parameter', 'video'],
    ['a file in the place of an address', [['prompt', 'p'], ['input_reference[image_url]', picture('p')]], 400, 'invalid_parameter', 'input_reference'],
    ['JSON that is none', [['prompt', 'p'], ['characters', '[{"id":']], 400, 'invalid_parameter', 'characters'],
    ['JSON that is deep', [['prompt', 'p'], ['characters', `${'['.repeat(1000)}${']'.repeat(1000)}`]], 400, 'invalid_parameter', 'characters'],
    ['no prompt but a picture', [['input_reference', picture('a')]], 400, 'missing_required_parameter', 'prompt'],
    ['a seed of words', [['prompt', 'p'], ['seed', 'seven'], ['input_reference', picture('a')]], 400, 'invalid_parameter', 'seed'],
    ['seconds of nothing', [['prompt', 'p'], ['seconds', ''], ['images[]', picture('a')]], 400, 'invalid_parameter', 'seconds'],
    ['a picture of 20 MiB and a byte', [['prompt', 'p'], ['input_reference', new Blob([new Uint8Array(20 * 1024 * 1024 + 1)])]], 413, 'request_too_large', null],
  ])('%s', async (_, fields, status, code, param) => {
    const before = server.videos.submitted.length
    const response = await post(fields)
    expect(response.status).toBe(status)
    expect(await errorOf(response)).toMatchObject({ code, param })
    expect(server.videos.submitted).toHaveLength(before)
  })

  test('__proto__ is one more field that means nothing', async () => {
    expect((await post([['prompt', 'p'], ['__proto__[seed]', '7'], ['constructor[prototype][seed]', '8']])).status).toBe(200)
    expect(last()?.seed).toBeNull()
  })

  test('texts that together are more than a body may be are 413', async () => {
    const megabytes = 'x'.repeat(10_000_000)
    const response = await post([['prompt', 'p'], ['a', megabytes], ['b', megabytes], ['c', megabytes]])
    expect(response.status).toBe(413)
    expect(await errorOf(response)).toMatchObject({ details: { max_bytes: 28 * 1024 * 1024 } })
  })

  test('a form that says it is too long is refused before it is read', async () => {
    const answer = await rawExchange(server.port, 'POST /v1/videos HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 900000000\r\n\r\n--x\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
  })

  test('a form that ends inside its second file is refused', async () => {
    const response = await server.request('/v1/videos', { method: 'POST', body: `${filePart('input_reference', 'whole')}\r\n${filePart('images[]', 'cut o')}`, headers: { 'content-type': 'multipart/form-data; boundary=x' } })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter', param: 'body' })
  })

  test('a caller who hangs up inside a file leaves nothing', async () => {
    const controller = new AbortController()
    const body = new ReadableStream({
      start: (stream) => { stream.enqueue(new TextEncoder().encode(filePart('input_reference', 'bytes that go on'))) },
    })
    const request = fetch(`${server.url}/v1/videos`, { method: 'POST', body, duplex: 'half', signal: controller.signal, headers: { 'content-type': 'multipart/form-data; boundary=x' } } as RequestInit)
    await vi.waitFor(async () => expect(await readdir(server.scratchFolder)).toHaveLength(1))
    controller.abort()
    await expect(request).rejects.toThrow('abort')
  })
})
