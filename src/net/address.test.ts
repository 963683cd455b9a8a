import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublicAddress } from './address.ts'

const NOT_PUBLIC = [
  // this host, private, shared, loopback, link-local
  '0.0.0.0', '0.1.2.3', '10.0.0.1', '10.255.255.255', '100.64.0.1', '100.100.100.200', '100.127.255.255', '127.0.0.1', '127.255.255.254',
  '169.254.0.1', '169.254.169.254', '169.254.170.2', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255',
  // protocol assignments, documentation, benchmarks, relays, multicast, reserved
  '192.0.0.1', '192.0.0.192', '192.0.2.1', '192.31.196.1', '192.52.193.1', '192.88.99.1', '192.175.48.1', '198.18.0.1', '198.19.255.255',
  '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255',
  // platforms of clouds
  '168.63.129.16', '161.26.0.10', '166.8.0.1', '166.11.255.255', 'fd00:ec2::254', 'fd20:ce::254',
  // IPv6 outside of global unicast
  '::', '::1', '0:0:0:0:0:0:0:1', '::2', '100::1', '100:0:0:1::1', '1fff::1', '4000::1', '5f00::1', 'fc00::1', 'fdff::1', 'fe80::1', 'fe80::1%eth0', 'fe80::1%1', 'febf::1', 'fec0::1', 'ff02::1',
  'ff0e::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
  // taken out of it
  '2001::1', '2001:0:7f00:1::', '2001:2::1', '2001:10::1', '2001:20::1', '2001:1ff:ffff::1', '2001:db8::1', '2620:4f:8000::1', '3fff::1', '3fff:fff::1',
  // IPv4 inside
  '::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:7f00:1', '::FFFF:169.254.169.254', '::ffff:a9fe:a9fe', '::ffff:10.0.0.1', '::ffff:0.0.0.0',
  '::ffff:0:127.0.0.1', '::ffff:0:7f00:1', '::ffff:0:a00:1', '64:ff9b::127.0.0.1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b::c0a8:1', '64:ff9b:1::7f00:1', '64:ff9b:1::808:808',
  '2002:7f00:1::', '2002:7f00:1::1', '2002:a00:1::', '2002:c0a8:101::5', '2002:a9fe:a9fe::1', '2a00:1450::5efe:127.0.0.1', '2a00:1450::5efe:7f00:1', '2a00:1450::200:5efe:a00:1',
  '2a00:1450::0:5efe:192.168.1.1', '2002:808:808::5efe:7f00:1', '::127.0.0.1', '::7f00:1', '::8.8.8.8', '::10.0.0.1',
  // not addresses
  '', 'localhost', 'example.com', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '8.8.8', '8.8.8.8.8', '256.1.1.1', ' 8.8.8.8', '8.8.8.8 ', '8.8.8.8:80', '[2606:4700::1111]', '1::2::3', '2a00:1450::1%eth0', '١.1.1.1',
]

const PUBLIC = [
  '1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '93.184.216.34', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0', '168.63.129.15', '169.253.255.255', '169.255.0.0', '172.15.255.255',
  '172.32.0.0', '185.199.108.153', '191.255.255.255', '192.0.1.0', '192.0.3.0', '192.167.255.255', '192.169.0.0', '198.17.255.255', '198.20.0.0', '203.0.112.255', '223.255.255.255',
  '2001:200::1', '2001:4860:4860::8888', '2001:db7::1', '2400:3200::1', '2606:4700:4700::1111', '2620:4f:7fff::1', '2620:fe::fe', '2a00:1450:4001:80b::200e', '3ffe::1', '2c0f::1',
  '::ffff:8.8.8.8', '::ffff:808:808', '::ffff:0:8.8.8.8', '64:ff9b::8.8.8.8', '64:ff9b::808:808', '2002:808:808::1', '2a00:1450::5efe:8.8.8.8', '2a00:1450::5eff:7f00:1',
]

describe('an address is refused', () => {
  test.each(NOT_PUBLIC)('%j', (text) => expect(isPublicAddress(text)).toBe(false))
})

describe('an address is public', () => {
  test.each(PUBLIC)('%s', (text) => expect(isPublicAddress(text)).toBe(true))
})

const octet = fc.integer({ min: 0, max: 255 })
const v4 = fc.tuple(octet, octet, octet, octet)

test('an IPv4 address is judged the same in every form that carries nothing else', () => {
  fc.assert(fc.property(v4, (octets) => {
    const [a, b, c, d] = octets
    const dotted = octets.join('.')
    const words = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
    const carried = ['::ffff:', '0:0:0:0:0:FFFF:', '::ffff:0:', '64:ff9b::'].flatMap((prefix) => [prefix + dotted, prefix + words])
    for (const text of [...carried, `2002:${words}::1`, `2a00:1450::5efe:${dotted}`]) expect([text, isPublicAddress(text)]).toEqual([text, isPublicAddress(dotted)])
  }), { numRuns: 500 })
})

test('outside of 2000::/3 nothing is public that does not carry a public IPv4 address', () => {
  const word = fc.integer({ min: 0, max: 0xffff })
  const first = word.filter((value) => (value & 0xe000) !== 0x2000)
  fc.assert(fc.property(first, fc.array(word, { minLength: 7, maxLength: 7 }), (head, rest) => {
    const words = [head, ...rest]
    const isCarrier = words.slice(0, 4).every((value) => value === 0) || (head === 0x64 && rest[0] === 0xff9b)
    fc.pre(!isCarrier)
    expect(isPublicAddress(words.map((value) => value.toString(16)).join(':'))).toBe(false)
  }), { numRuns: 1000 })
})

test('the way an IPv6 address is written does not matter', () => {
  fc.assert(fc.property(fc.ipV6(), (text) => {
    const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1)
    expect(isPublicAddress(text)).toBe(isPublicAddress(canonical))
  }), { numRuns: 500 })
})
