import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../../test/support/http-server.ts'
import { ERRORS } from '../../domain/error-table.ts'
import { AppError } from '../../domain/errors.ts'
import { WORDS } from './words.ts'

let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())

const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' }
const page = (path: string, headers: Record<string, string> = {}) => server.request(path, { headers: { ...browser, ...headers } })

const languageOf = async (path: string, accept: string) => /<html lang="([^"]+)"/.exec(await (await page(path, { 'accept-language': accept })).text())?.[1]

/** Everything a page loads or points to on this server answers. */
async function linksOf(markup: string): Promise<readonly string[]> {
  return [...new Set(Array.from(markup.matchAll(/(?:href|src)="(\/[^"]*)"/g), ([, link]) => link.replaceAll('&amp;', '&')))]
}

describe('a home page', () => {
  test('shows the character, and everything on it is there', async () => {
    const { username } = server.characters.plant({ displayName: 'Misty', tags: ['rain'], quality: { score: 0.82, reasons: ['blurred'] } })
    const response = await page(`/@${username}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const markup = await response.text()
    for (const part of [`<h1>@${username}</h1>`, 'Misty', 'animal', '1.00–3.00 s', 'example.com', '82 %', 'blurred', 'rain', '<video ', '<audio ', `curl -X POST http://dramatis.test/v1/videos`, `&quot;prompt&quot;:&quot;@${username} walks`]) expect(markup).toContain(part)
    const links = await linksOf(markup)
    expect(links.length).toBeGreaterThan(14)
    for (const link of links) expect([link, (await server.request(link)).status]).toEqual([link, 200])
  })

  test('leaves out what a character does not have', async () => {
    const { username } = server.characters.plant({ hasCutout: false, hasVoice: false, references: 3, source: { type: 'upload', host: null, container: 'webm', codec: 'vp9', width: 10, height: 20, durationMs: 2000 } })
    const markup = await (await page(`/@${username}`)).text()
    expect(markup).not.toMatch(/cutout\.webp|voice\.wav|reference-4/)
    expect(markup).toContain('an upload')
  })

  test('allows no script, no inline style, no frame, no other origin', async () => {
    const { username } = server.characters.plant()
    const response = await page(`/@${username}`)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toBe("default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
    expect(response.headers.get('x-robots-tag')).toBe('noindex')
    const markup = await response.text()
    expect(markup).not.toMatch(/<script|\sstyle=|<style|\son\w+=|javascript:|https?:\/\/(?!dramatis\.test)/i)
  })

  test('is English or Chinese by the browser, and by the switch before that', async () => {
    const { username } = server.characters.plant()
    expect(await languageOf(`/@${username}`, 'fr, zh-TW;q=0.8, en;q=0.5')).toBe('zh-CN')
    expect(await languageOf(`/@${username}`, 'de')).toBe('en')
    expect(await languageOf(`/@${username}?lang=en`, 'zh')).toBe('en')
    expect(await languageOf(`/@${username}?lang=zh`, 'en')).toBe('zh-CN')
    expect(await languageOf(`/@${username}?lang=xx"><script>`, 'en')).toBe('en')
  })

  test('is JSON for who asks for JSON', async () => {
    const { id, username } = server.characters.plant()
    const response = await server.request(`/@${username}`, { headers: { accept: 'application/json' } })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.json()).toMatchObject({ id, object: 'character' })
    expect((await server.request(`/@${username}`, { headers: { accept: '*/*' } })).headers.get('content-type')).toBe('text/html; charset=utf-8')
  })

  test('text from outside stays text', async () => {
    const evil = `"><script>alert(1)</script><img src=x onerror='alert(2)'>{{7*7}}\${7*7}`
    const { username } = server.characters.plant({
      displayName: evil, description: evil, tags: [evil], quality: { score: 0.5, reasons: [evil] }, consent: { basis: 'self', by: evil, atMs: 0, note: evil },
      source: { type: 'url', host: evil, container: evil, codec: evil, width: 1, height: 1, durationMs: 1000 },
    })
    const markup = await (await page(`/@${username}`)).text()
    expect(markup).not.toMatch(/<script|<img src=x/)
    expect(markup).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;')
  })

  test('one still being made looks again, one that failed says why', async () => {
    const start = async (url: string) => (await (await server.postJson('/v1/characters', { url }, { prefer: 'respond-async' })).json()).id
    server.characters.next('wait')
    const waiting = await (await page(`/@${await start('https://example.com/wait.mp4')}`)).text()
    expect(waiting).toContain('<meta http-equiv="refresh" content="2">')
    expect(waiting).toContain('Still being made')
    server.characters.finish()
    server.characters.next(new AppError('source_http_error', { details: { status: 403 } }))
    const failed = await (await page(`/@${await start('https://example.com/fail.mp4')}`)).text()
    expect(failed).toContain('The host of the video answered 403.')
    expect(failed).not.toContain('http-equiv')
  })
})

describe('with keys', () => {
  test("a stranger and another account get the answer of a missing one, the owner's key the page", async () => {
    await using keyed = await startHttpServer({ settings: { isOpen: false } })
    const { username } = keyed.characters.plant({}, 'alice')
    const get = async (name: string, headers: Record<string, string>) => {
      const response = await keyed.request(`/@${name}`, { headers: { ...browser, ...headers } })
      return { status: response.status, text: await response.text() }
    }
    const missing = await get('nobody_here', {})
    expect(missing.status).toBe(404)
    expect(missing.text).toContain('Nobody here')
    expect(await get(username, {})).toEqual(missing)
    expect(await get(username, { authorization: 'Bearer drm_bob' })).toEqual(missing)
    expect((await get(username, { authorization: 'Bearer drm_alice' })).status).toBe(200)
    expect((await get(username, { authorization: 'Bearer drm_wrong' })).status).toBe(401)
  })

  test('the start page shows nobody', async () => {
    await using keyed = await startHttpServer({ settings: { isOpen: false } })
    const { username } = keyed.characters.plant()
    const markup = await (await keyed.request('/', { headers: browser })).text()
    expect(markup).not.toContain(username)
    expect(markup).toContain('This service asks for a key')
  })
})

describe('other pages', () => {
  test('the start page shows who is here and how to make one', async () => {
    const { username } = server.characters.plant()
    const markup = await (await page('/')).text()
    expect(markup).toContain(`@${username}`)
    expect(markup).toContain('curl -X POST http://dramatis.test/sora/v1/characters')
    for (const link of await linksOf(markup)) expect([link, (await server.request(link)).status]).toEqual([link, 200])
  })

  test('the old profile path leads to the new one', async () => {
    const response = await server.request('/profile/misty_otter')
    expect([response.status, response.headers.get('location')]).toEqual([301, '/@misty_otter'])
    expect((await server.request('/profile/%2F%2Fevil.example')).headers.get('location')).toBe('/@%2F%2Fevil.example')
  })

  test.each(['/nothing', '/@nobody_here', '/docs/errors/nonsense', '//evil.example/<script>'])('%s is a page for a browser, and JSON for a program', async (path) => {
    const markup = await (await page(path)).text()
    expect(markup).toContain('Nobody here')
    expect(markup).not.toMatch(/evil\.example|<script/)
    expect((await server.request(path)).headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  test.each(['/v1/nothing', '/v1/characters/nobody_here', '/sora/x', '/media/x/y'])('%s is JSON even for a browser', async (path) => {
    const response = await page(path)
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/json; charset=utf-8'])
  })

  test('every error code has a page in both languages', async () => {
    for (const [code, { hint }] of Object.entries(ERRORS) as [string, { hint?: unknown }][]) {
      for (const lang of ['en', 'zh'] as const) {
        const response = await page(`/docs/errors/${code}?lang=${lang}`)
        expect(response.status).toBe(200)
        const markup = await response.text()
        expect(markup).toContain(`>${code}</h1>`)
        expect(markup.includes(WORDS.whatToDo[lang])).toBe(hint !== undefined)
      }
    }
    const ofVideo = await (await page('/docs/errors/backend_lost?lang=en')).text()
    for (const part of ['error of a video', 'Another request makes another video', '&quot;status&quot;: &quot;failed&quot;']) expect(ofVideo).toContain(part)
    expect(ofVideo).not.toContain('The same request gives the same answer')
    const list = await (await page('/docs/errors')).text()
    for (const code of Object.keys(ERRORS)) expect(list).toContain(`/docs/errors/${code}?lang=en`)
  })

  test('style and icon may be kept forever', async () => {
    const markup = await (await page('/')).text()
    const [style] = /\/assets\/[0-9a-f]{12}-style\.css/.exec(markup) ?? ['']
    const response = await server.request(style)
    expect(response.headers.get('content-type')).toBe('text/css; charset=utf-8')
    expect(response.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  })
})
