import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'

const TYPES: Readonly<Record<number, 'A' | 'AAAA'>> = { 1: 'A', 28: 'AAAA' }
const NO_SUCH_NAME = 3

/** Answers by name: a list of addresses, a list of such lists for one question after the other (the last one stays), or 'silence'. */
export type Zone = Readonly<Record<string, readonly string[] | readonly (readonly string[])[] | 'silence'>>

export interface DnsServer extends AsyncDisposable {
  /** For FETCH_DNS_SERVERS. */
  readonly server: string
  /** `A example.test`, in the order they were asked. */
  readonly questions: string[]
}

/** A name server on loopback with made-up answers, all with a TTL of 0. */
export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const questions: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = readQuestion(query)
    questions.push(`${type} ${name}`)
    const answers = answersFor(zone[name], questions.filter((question) => question === `${type} ${name}`).length - 1)
    if (answers === 'silence') return
    socket.send(reply(query.subarray(0, end), answers?.filter((text) => isIPv6(text) === (type === 'AAAA'))), port, address)
  })
  await new Promise<void>((resolve) => { socket.bind(0, '127.0.0.1', resolve) })
  return {
    server: `127.0.0.1:${socket.address().port}`,
    questions,
    [Symbol.asyncDispose]: () => new Promise((resolve) => { socket.close(() => resolve()) }),
  }
}

function answersFor(entry: Zone[string] | undefined, round: number): readonly string[] | 'silence' | undefined {
  if (entry === undefined || entry === 'silence') return entry
  const nth = entry[Math.min(round, entry.length - 1)]
  return nth === undefined || typeof nth === 'string' ? (entry as readonly string[]) : nth
}

function readQuestion(query: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query[at]; length > 0; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: TYPES[query.readUInt16BE(at + 1)] ?? 'other', end: at + 5 }
}

function reply(question: Buffer, addresses: readonly string[] | undefined): Buffer {
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8180 | (addresses === undefined ? NO_SUCH_NAME : 0), 2)
  head.writeUInt16BE(addresses?.length ?? 0, 6)
  head.writeUInt32BE(0, 8) // the additional record of the query is not repeated
  return Buffer.concat([head, ...(addresses ?? []).map(record)])
}

function record(address: string): Buffer {
  const data = isIPv6(address) ? v6Bytes(address) : Buffer.from(address.split('.').map(Number))
  const fields = Buffer.from([0xc0, 12, 0, isIPv6(address) ? 28 : 1, 0, 1, 0, 0, 0, 0, 0, data.length])
  return Buffer.concat([fields, data])
}

function v6Bytes(address: string): Buffer {
  const [head, tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [before, after] = [wordsOf(head), wordsOf(tail)]
  const all = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
  return Buffer.from(all.flatMap((word) => [word >> 8, word & 255]))
}

const wordsOf = (text: string): readonly number[] => (text === '' ? [] : text.split(':').map((word) => Number.parseInt(word, 16)))
