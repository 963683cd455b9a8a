import { BlockList, isIP } from 'node:net'

/**
 * IANA's special-purpose registry, and what a cloud keeps for its tenants under numbers that are public in form: the platform
 * address of Azure, the service endpoints of IBM. (The other clouds' metadata addresses lie in the registry's ranges.)
 */
const NOT_PUBLIC_V4 = blockList('ipv4', [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24',
  '192.31.196.0/24', '192.52.193.0/24', '192.88.99.0/24', '192.168.0.0/16', '192.175.48.0/24', '198.18.0.0/15', '198.51.100.0/24',
  '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4', '168.63.129.16/32', '161.26.0.0/16', '166.8.0.0/14',
])

/** What the registry takes out of global unicast. */
const NOT_PUBLIC_V6 = blockList('ipv6', ['2001::/23', '2001:db8::/32', '2620:4f:8000::/48', '3fff::/20'])

/** Ways to carry an IPv4 address in an IPv6 one: how to know them, at which word it sits, and whether nothing but it is said. */
const CARRIERS = [
  { name: 'mapped', matches: startsWith(0, 0, 0, 0, 0, 0xffff), at: 6, isOnlyV4: true },
  { name: 'translated', matches: startsWith(0, 0, 0, 0, 0xffff, 0), at: 6, isOnlyV4: true },
  { name: 'NAT64', matches: startsWith(0x64, 0xff9b, 0, 0, 0, 0), at: 6, isOnlyV4: true },
  { name: '6to4', matches: startsWith(0x2002), at: 1, isOnlyV4: false },
  { name: 'ISATAP', matches: (words: Words) => (words[4] & 0xfdff) === 0 && words[5] === 0x5efe, at: 6, isOnlyV4: false },
] as const

/** The eight 16-bit words of an IPv6 address. */
type Words = readonly number[]

/**
 * Whether `text` is an IP address the service may connect to on a stranger's behalf: global unicast, judged after any IPv4
 * address inside it is decoded. What is not understood is not public, and neither is an address with a zone.
 */
export function isPublicAddress(text: string): boolean {
  switch (isIP(text)) {
    case 4: return !NOT_PUBLIC_V4.check(text, 'ipv4')
    case 6: return !text.includes('%') && isPublicV6(text)
    default: return false
  }
}

function isPublicV6(text: string): boolean {
  const words = wordsOf(text)
  const carriers = CARRIERS.filter(({ matches }) => matches(words))
  if (carriers.some(({ at }) => NOT_PUBLIC_V4.check(dotted(words[at], words[at + 1]), 'ipv4'))) return false
  if (carriers.some(({ isOnlyV4 }) => isOnlyV4)) return true
  const isGlobalUnicast = (words[0] & 0xe000) === 0x2000
  return isGlobalUnicast && !NOT_PUBLIC_V6.check(text, 'ipv6')
}

function wordsOf(text: string): Words {
  const [head, tail] = text.split('::')
  const before = readWords(head)
  const after = readWords(tail)
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function readWords(text = ''): Words {
  if (text === '') return []
  return text.split(':').flatMap((part) => (part.includes('.') ? dottedWords(part) : [Number.parseInt(part, 16)]))
}

function dottedWords(text: string): Words {
  const [a, b, c, d] = text.split('.').map(Number)
  return [(a << 8) | b, (c << 8) | d]
}

const dotted = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.')

function startsWith(...prefix: Words): (words: Words) => boolean {
  return (words) => prefix.every((word, index) => words[index] === word)
}

function blockList(family: 'ipv4' | 'ipv6', ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [network, prefix] = range.split('/')
    list.addSubnet(network, Number(prefix), family)
  }
  return list
}
