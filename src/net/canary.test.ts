import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIPv6, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NOT_PUBLIC, PUBLIC } from '../../test/support/addresses.ts'
import { startDnsServer } from '../../test/support/dns-server.ts'
import { answerRange } from '../../test/support/origins.ts'
import { AppError } from '../domain/errors.ts'
import { openGuardedDownload } from './guarded-download.ts'
import { createGuardedPost } from './guarded-post.ts'
import { parseSourceUrl } from './source-url.ts'
import { openUrlSource } from './url-source.ts'

/**
 * In a network namespace of its own every address of the world is this machine, so one listener on all of them is a canary
 * for all: this file runs itself once more in there.
 */
const IS_EVERY_ADDRESS_OURS = process.env.TEST_EVERY_ADDRESS_IS_OURS === 'yes'
const SET_UP = 'ip link set lo up && ip route add local 0.0.0.0/0 dev lo && ip -6 route add local ::/0 dev lo'
const UNSHARE = 'unshare'
const canUnshare = spawnSync(UNSHARE, ['-rn', 'sh', '-c', SET_UP]).status === 0

describe.skipIf(IS_EVERY_ADDRESS_OURS)('where every address is ours', () => {
  test.skipIf(!canUnshare)('all of what follows holds (needs unshare and iproute2)', () => {
    const vitest = join(import.meta.dirname, '../../node_modules/vitest/vitest.mjs')
    const inside = spawnSync(UNSHARE, ['-rn', 'sh', '-c', `${SET_UP} && exec "$@"`, 'sh', process.execPath, vitest, 'run', import.meta.filename, '--no-color'], {
      encoding: 'utf8', env: { ...process.env, TEST_EVERY_ADDRESS_IS_OURS: 'yes', TEST_SERVICES: 'none' },
    })
    expect(inside.stdout + inside.stderr).toMatch(/Tests +6 passed/)
    expect(inside.status).toBe(0)
  }, 60_000)
})

async function read(url: URL, dnsServers: readonly string[] = []): Promise<string> {
  try {
    await using source = await openUrlSource(url, { settings: { allow: [], dnsServers, maxBytes: 1e6 }, scratchFolder: tmpdir(), signal: AbortSignal.timeout(10_000) })
    await source.read(0, source.size)
    return 'read'
  } catch (error) {
    return codeOf(error)
  }
}

async function outcome(text: string, dnsServers?: readonly string[]): Promise<string> {
  try {
    return await read(parseSourceUrl(text, []), dnsServers)
  } catch (error) {
    return codeOf(error)
  }
}

function codeOf(error: unknown): string {
  if (error instanceof AppError) return error.code
  throw error
}

const hostOf = (address: string): string => (isIPv6(address) ? `[${address}]` : address)
/** What can stand in a URL or a DNS answer. */
const INSIDE = NOT_PUBLIC.filter((address) => !address.includes('%'))

describe.runIf(IS_EVERY_ADDRESS_OURS)('in there', () => {
  const VIDEO = new Uint8Array(200_000).fill(7)
  let port = 0
  const servers: Server[] = []
  /** The addresses of ours that somebody connected to. */
  const connectedTo: string[] = []
  let answer: (request: IncomingMessage, response: ServerResponse) => void

  beforeAll(async () => {
    for (const wanted of [0, 80]) {
      const server = createServer((request, response) => answer(request, response))
      server.on('connection', (socket) => connectedTo.push(String(socket.localAddress).replace(/^::ffff:(?=.*\.)/, '')))
      server.listen(wanted, '::')
      await once(server, 'listening')
      servers.push(server)
    }
    port = (servers[0].address() as AddressInfo).port
  })
  beforeEach(() => {
    answer = answerRange(VIDEO)
    connectedTo.length = 0
  })
  afterAll(() => servers.forEach((server) => server.close()))

  test('the canary sings: public addresses are read, by number and by name', async () => {
    const zone = Object.fromEntries(PUBLIC.map((address, index) => [`p${index}.test`, [address]]))
    await using dns = await startDnsServer(zone)
    for (const address of PUBLIC) expect([address, await outcome(`http://${hostOf(address)}:${port}/`)]).toEqual([address, 'read'])
    for (const name of Object.keys(zone)) expect([name, await outcome(`http://${name}/`, [dns.server])]).toEqual([name, 'read'])
    expect(connectedTo.length).toBeGreaterThanOrEqual(2 * PUBLIC.length)
  })

  test('no address that is not public is connected to, whether the parser or the connector sees it first', async () => {
    for (const address of INSIDE) {
      for (const asked of [80, port]) {
        const text = `http://${hostOf(address)}:${asked}/`
        expect([text, await outcome(text)]).toEqual([text, 'url_not_allowed'])
        expect([text, await read(new URL(text))]).toEqual([text, 'url_not_allowed'])
      }
    }
    expect(connectedTo).toEqual([])
  })

  test('no name with such an address is connected to, whatever else it has', async () => {
    const answers = INSIDE.flatMap((address) => [[address], ['93.184.216.34', address], [address, '2606:4700:4700::1111']])
    const zone = Object.fromEntries(answers.map((addresses, index) => [`n${index}.test`, addresses]))
    await using dns = await startDnsServer(zone)
    for (const name of Object.keys(zone)) expect([zone[name], await outcome(`http://${name}:${port}/`, [dns.server])]).toEqual([zone[name], 'url_not_allowed'])
    expect(connectedTo).toEqual([])
  })

  test('a name that was public and is not any more is not connected to again', async () => {
    // Every answer closes its connection, so the second range asks for the name again.
    answer = (request, response) => answerRange(VIDEO)(request, response.setHeader('connection', 'close'))
    for (const inside of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1']) {
      await using dns = await startDnsServer({ 'rebinding.test': [['93.184.216.34'], [inside]] })
      expect([inside, await outcome(`http://rebinding.test:${port}/`, [dns.server])]).toEqual([inside, 'url_not_allowed'])
    }
    expect(connectedTo).toEqual(Array(5).fill('93.184.216.34'))
  })

  test('no redirect leads to one', async () => {
    for (const address of INSIDE) {
      connectedTo.length = 0
      answer = (_request, response) => { response.writeHead(302, { location: `http://${hostOf(address)}:${port}/` }).end() }
      expect([address, await outcome('http://93.184.216.34/')]).toEqual([address, 'url_not_allowed'])
      expect(connectedTo).toEqual(['93.184.216.34'])
    }
  })

  test('webhooks, and files that a vendor points to, go to none of them either', async () => {
    const post = createGuardedPost({ allow: [], dnsServers: [] })
    const signal = AbortSignal.timeout(30_000)
    const ways = [
      (host: string) => post(`https://${host}:${port}/`, { headers: {}, body: '{}', signal }),
      (host: string) => openGuardedDownload(`http://${host}:${port}/`, { settings: { allow: [], dnsServers: [], maxBytes: 1e6 }, maxBytes: 1e6, signal }),
    ]
    for (const address of INSIDE) {
      for (const way of ways) expect([address, await way(hostOf(address)).then(() => 'reached', codeOf)]).toEqual([address, 'url_not_allowed'])
    }
    expect(connectedTo).toEqual([])
    for (const way of ways) await way('93.184.216.34').catch(codeOf)
    expect(connectedTo).toEqual(['93.184.216.34', '93.184.216.34'])
  })
})
