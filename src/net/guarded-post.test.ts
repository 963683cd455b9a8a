import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { makeCertificate } from '../../test/support/certificate.ts'
import { startDnsServer, type Zone } from '../../test/support/dns-server.ts'
import { startOrigin, startRawOrigin } from '../../test/support/origins.ts'
import { createGuardedPost, parseWebhookUrl } from './guarded-post.ts'

const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{"text":"小明"}', signal: AbortSignal.timeout(20_000) }
const LIMITS = { dnsMs: 500, connectMs: 500, headersMs: 500 }

const postTo = (allow: readonly string[], dnsServers: readonly string[] = []) => createGuardedPost({ allow, dnsServers, limits: LIMITS })

describe('what is sent', () => {
  test('is the body with its length, to an exempt address without TLS too', async () => {
    const received: unknown[] = []
    await using receiver = await startOrigin(async (request, response) => {
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk)
      received.push({ method: request.method, type: request.headers['content-type'], length: request.headers['content-length'], body: Buffer.concat(chunks).toString() })
      response.writeHead(202).end('thank you')
    })
    expect(await postTo([receiver.pair])(receiver.url, MESSAGE)).toEqual({ status: 202 })
    expect(received).toEqual([{ method: 'POST', type: 'application/json', length: String(Buffer.byteLength(MESSAGE.body)), body: MESSAGE.body }])
  })

  test('does not follow redirects, and does not wait for a body that never ends', async () => {
    await using elsewhere = await startOrigin((_request, response) => { response.end() })
    await using receiver = await startOrigin((_request, response) => { response.writeHead(307, { location: elsewhere.url }).write('and so on') })
    expect(await postTo([receiver.pair, elsewhere.pair])(receiver.url, MESSAGE)).toEqual({ status: 307 })
    expect(elsewhere.connections).toHaveLength(0)
  })

  test('arrives over TLS under the name of the certificate', async () => {
    const certificate = makeCertificate('hooks.test')
    const server = createHttpsServer(certificate, (_request, response) => { response.writeHead(204).end() })
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    await using dns = await startDnsServer({ 'hooks.test': ['127.0.0.1'] })
    const pair = `hooks.test:${(server.address() as AddressInfo).port}`
    const known = getCACertificates('default')
    const post = postTo([pair], [dns.server])
    try {
      await expect(post(`https://${pair}/`, MESSAGE)).rejects.toMatchObject({ code: 'source_unreachable' })
      setDefaultCACertificates([...known, certificate.cert])
      expect(await post(`https://${pair}/`, MESSAGE)).toEqual({ status: 204 })
    } finally {
      setDefaultCACertificates(known)
      server.closeAllConnections()
      server.close()
    }
  })
})

describe('where it is not sent', () => {
  test.each(['http://hooks.example/', 'https://127.0.0.1/', 'https://[::1]/', 'https://169.254.169.254/', 'https://user:pass@hooks.example/', 'https://hooks.example:22/', 'ftp://hooks.example/'])('%s', async (url) => {
    expect(() => parseWebhookUrl(url, [])).toThrow(expect.objectContaining({ code: 'url_not_allowed' }))
    await expect(postTo([])(url, MESSAGE)).rejects.toMatchObject({ code: 'url_not_allowed' })
  })

  test('a name that leads to a private address, also when it led elsewhere before', async () => {
    await using canary = await startRawOrigin(() => {})
    const zone: Zone = { 'hooks.test': [['127.0.0.1'], ['10.0.0.1'], ['127.0.0.1']] }
    await using dns = await startDnsServer(zone)
    const post = postTo([], [dns.server])
    for (let attempt = 0; attempt < 3; attempt++) await expect(post(`https://hooks.test:${canary.port}/`, MESSAGE)).rejects.toMatchObject({ code: 'url_not_allowed' })
    expect(canary.connections).toHaveLength(0)
    expect(dns.questions.filter((question) => question === 'A hooks.test')).toHaveLength(3)
  })
})

describe('gives up', () => {
  test('when nothing answers, when what answers is not HTTP, and when it is told to', async () => {
    await using silent = await startRawOrigin(() => {})
    await using rude = await startRawOrigin((socket) => { socket.end('no\r\n\r\n') })
    const post = postTo([silent.pair, rude.pair, '127.0.0.1:1'])
    await expect(post(silent.url, MESSAGE)).rejects.toMatchObject({ code: 'source_timeout' })
    await expect(post(rude.url, MESSAGE)).rejects.toMatchObject({ code: 'source_protocol_error' })
    await expect(post('http://127.0.0.1:1/', MESSAGE)).rejects.toMatchObject({ code: 'source_unreachable' })
    const stopped = new AbortController()
    const waiting = post(silent.url, { ...MESSAGE, signal: stopped.signal })
    stopped.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
  })
})
