import { assert, json, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../domain/errors.ts'
import { parseJsonObject } from './json-body.ts'
import { findJsonFault } from './json-fault.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const nested = (depth: number): string => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`
const keys = (count: number): string => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',')}}`

function refusalOf(body: Uint8Array): AppError {
  try {
    parseJsonObject(body)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it was taken')
}

describe('a JSON body', () => {
  test.each([
    ['an empty body', bytes('')],
    ['a list', bytes('[1]')], ['null', bytes('null')], ['a string', bytes('"a"')], ['a number', bytes('13')],
    ['cut short', bytes('{"a":1')], ['a comment', bytes('{"a":1 // one\n}')], ['a trailing comma', bytes('{"a":1,}')], ['single quotes', bytes("{'a':1}")], ['NaN', bytes('{"a":NaN}')], ['two objects', bytes('{}{}')],
    ['bad UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)], ['UTF-16', Uint8Array.from(Buffer.from('{"a":1}', 'utf16le'))],
    ['half a surrogate pair', bytes(String.raw`{"a":"\ud800"}`)], ['half a pair in a key', bytes(String.raw`{"\udc00":1}`)],
    ['33 levels', bytes(nested(33))], ['100 000 levels', bytes(nested(100_000))], ['1001 keys', bytes(keys(1001))],
  ])('%s is invalid_json', (_, body) => {
    expect(refusalOf(body).code).toBe('invalid_json')
  })

  test.each([['32 levels', nested(32)], ['1000 keys', keys(1000)], ['a byte order mark', '\uFEFF{"a":1}'], ['emoji and CJK', '{"名":"😀"}']])('%s is taken', (_, text) => {
    expect(parseJsonObject(bytes(text))).toBeTypeOf('object')
  })

  test('of a key sent twice the last one counts', () => {
    expect(parseJsonObject(bytes('{"url":"a","url":"b"}'))).toEqual({ url: 'b' })
  })

  test('__proto__ is a key like any other', () => {
    const body = parseJsonObject(bytes('{"__proto__":{"isAdmin":true},"a":1}'))
    expect('isAdmin' in body).toBe(false)
    expect(Object.keys(body)).toEqual(['__proto__', 'a'])
    expect('isAdmin' in {}).toBe(false)
  })
})

describe('the place where JSON ends', () => {
  test.each([
    ['{"a":1 // one\n}', 1, 8], ['{\n  "url": "x",\n  // why\n}', 3, 3], ['{"a":1,}', 1, 8], ["{'a':1}", 1, 2], ['{"a" 1}', 1, 6], ['{"a":tru}', 1, 6], ['{"a":"b\nc"}', 1, 8],
    ['{"a":"\\x"}', 1, 7], ['{"a":01}', 1, 7], ['{} {}', 1, 4], ['{"a":[1,]}', 1, 9], ['{"a":1]', 1, 7], ['{"名字":😀}', 1, 7], ['', 1, 1], ['{"a":1', 1, 7], ['{a:1}', 1, 2],
  ])('%j: line %i, column %i', (text, line, column) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
    expect(findJsonFault(text)).toEqual({ line, column })
  })

  test('is behind everything that is still JSON', () => {
    assert(property(json(), (text) => {
      const { line, column } = findJsonFault(`${text}!`)
      expect([line, column]).toEqual([1, [...text].length + 1])
    }))
  })
})
