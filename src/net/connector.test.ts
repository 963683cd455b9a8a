import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import { makeCertificate } from '../../test/support/certificate.ts'
import { startDnsServer, type Zone } from '../../test/support/dns-server.ts'
import { answerRange, startOrigin, startRawOrigin } from '../../test/support/origins.ts'
import { AppError } from '../domain/errors.ts'
import { FETCH_LIMITS } from './limits.ts'
import { parseSourceUrl } from './source-url.ts'
import { openUrlSource, type OpenUrlSource } from './url-source.ts'

const VIDEO = new Uint8Array(1000).fill(7)

/** Opens `url` with names looked up at a server that knows `zone`: the size, or the code of the refusal. */
async function open(url: string, { zone, allow = [] }: { zone: Zone; allow?: readonly string[] }): Promise<number | string> {
  await using dns = await startDnsServer(zone)
  const settings = { allow, dnsServers: [dns.server], maxBytes: 1e6, limits: { ...FETCH_LIMITS, dnsMs: 500, connectMs: 500 } }
  try {
    await using source = await openUrlSource(parseSourceUrl(url, allow), { settings, scratchFolder: tmpdir(), signal: AbortSignal.timeout(10_000) })
    return source.size
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return error.code
  }
}

const optionsFor = (allow: readonly string[]): OpenUrlSource => ({
  settings: { allow, dnsServers: [], maxBytes: 1e6 }, scratchFolder: tmpdir(), signal: AbortSignal.timeout(10_000),
})

describe('a name', () => {
  test.each<[string, readonly string[]]>([
    ['loopback', ['127.0.0.1']],
    ['loopback, IPv6', ['::1']],
    ['private', ['10.0.0.1']],
    ['link-local', ['169.254.169.254']],
    ['mapped', ['::ffff:127.0.0.1']],
    ['NAT64', ['64:ff9b::7f00:1']],
    ['a public and a private one', ['93.184.216.34', '127.0.0.1']],
    ['a private and a public one', ['127.0.0.1', '93.184.216.34']],
    ['a public A and a private AAAA', ['93.184.216.34', '::1']],
    ['a private A and a public AAAA', ['127.0.0.1', '2606:4700:4700::1111']],
    ['many public and one private one', [...Array.from({ length: 20 }, (_, index) => `93.184.216.${index}`), '192.168.0.1']],
  ])('that resolves to %s is refused, and nothing connected', async (_name, addresses) => {
    await using canary = await startRawOrigin(() => {})
    expect(await open(`http://hostile.test:${canary.port}/`, { zone: { 'hostile.test': addresses } })).toBe('url_not_allowed')
    expect(canary.connections).toHaveLength(0)
  })

  test('is not exempt because its address is, only because it is itself', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    const zone = { 'clips.test': ['127.0.0.1'] }
    const url = `http://clips.test:${origin.port}/`
    expect(await open(url, { zone, allow: [origin.pair] })).toBe('url_not_allowed')
    expect(await open(url, { zone, allow: [`clips.test:${origin.port + 1}`] })).toBe('url_not_allowed')
    expect(origin.connections).toHaveLength(0)
    expect(await open(url, { zone, allow: [`clips.test:${origin.port}`] })).toBe(VIDEO.length)
  })

  test('with no address, or no answer in time, is not reached', async () => {
    const zone = { 'nothing.test': [], 'silent.test': 'silence' } as const
    expect(await open('http://unknown.test/', { zone })).toBe('source_unreachable')
    expect(await open('http://nothing.test/', { zone })).toBe('source_unreachable')
    const started = performance.now()
    expect(await open('http://silent.test/', { zone })).toBe('source_unreachable')
    expect(performance.now() - started).toBeLessThan(1500)
  })

  test('is looked up by the system where no servers are set', async () => {
    await using origin = await startOrigin(answerRange(VIDEO))
    const url = `http://localhost:${origin.port}/`
    const fetching = (allow: readonly string[]) => openUrlSource(parseSourceUrl(url, allow), optionsFor(allow))
    await expect(fetching([])).rejects.toMatchObject({ code: 'url_not_allowed' })
    await using source = await fetching([`localhost:${origin.port}`])
    expect(source.size).toBe(VIDEO.length)
  })
})

test('an address that slipped past the parser is refused by the connector', async () => {
  await using canary = await startRawOrigin(() => {})
  for (const host of ['127.0.0.1', '[::1]', '[::ffff:7f00:1]']) {
    await expect(openUrlSource(new URL(`http://${host}:${canary.port}/`), optionsFor([]))).rejects.toMatchObject({ code: 'url_not_allowed' })
  }
  expect(canary.connections).toHaveLength(0)
})

describe('https', () => {
  const certificate = makeCertificate('clips.test')
  const zone = { 'clips.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] }

  async function openSecure(host: string, trusted: readonly string[]): Promise<number | string> {
    const server = createHttpsServer(certificate, answerRange(VIDEO))
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
    const pair = `${host}:${(server.address() as AddressInfo).port}`
    const known = getCACertificates('default')
    setDefaultCACertificates([...known, ...trusted])
    try {
      return await open(`https://${pair}/`, { zone, allow: [pair] })
    } finally {
      setDefaultCACertificates(known)
      server.closeAllConnections()
      server.close()
    }
  }

  test('works with a certificate for the name', async () => {
    expect(await openSecure('clips.test', [certificate.cert])).toBe(VIDEO.length)
  })

  test('refuses one that nobody vouches for, and one for another name', async () => {
    expect(await openSecure('clips.test', [])).toBe('source_unreachable')
    expect(await openSecure('other.test', [certificate.cert])).toBe('source_unreachable')
  })
})
