import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NOT_PUBLIC, PUBLIC } from '../../test/support/addresses.ts'
import { isPublicAddress } from './address.ts'

const NO_ADDRESSES = [
  '', 'localhost', 'example.com', '127.1', '0x7f000001', '2130706433', '0177.0.0.1', '8.8.8', '8.8.8.8.8', '256.1.1.1', ' 8.8.8.8', '8.8.8.8 ',
  '8.8.8.8:80', '[2606:4700::1111]', '1::2::3', '2a00:1450::1%eth0', '١.1.1.1',
]

describe('an address is refused', () => {
  test.each([...NOT_PUBLIC, ...NO_ADDRESSES])('%j', (text) => expect(isPublicAddress(text)).toBe(false))
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
