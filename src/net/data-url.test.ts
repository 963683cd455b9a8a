import { describe, expect, test } from 'vitest'
import { AppError } from '../domain/errors.ts'
import { decodeDataUrl } from './data-url.ts'

const bytesOf = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index * 37))
const maxBytes = 100

test.each([1, 2, 3, 4, 5, 99, 100])('%d bytes come back, with padding and without', (length) => {
  const base64 = bytesOf(length).toString('base64')
  for (const text of [base64, base64.replaceAll('=', '')]) {
    expect(Buffer.from(decodeDataUrl(`data:video/mp4;base64,${text}`, { maxBytes }))).toEqual(bytesOf(length))
  }
})

test.each([
  'data:video/webm;base64,', 'DATA:Video/MP4;BASE64,', 'data:video/mp4;codecs=avc1.42E01E;base64,', 'data:video/x-matroska;base64,',
  'data:image/gif;base64,', 'data:image/webp;base64,',
])('%s', (head) => {
  expect(decodeDataUrl(`${head}AAAA`, { maxBytes })).toHaveLength(3)
})

test('more than is taken is refused before decoding', () => {
  const refusal = expect.objectContaining({ code: 'request_too_large', param: 'data', details: { max_bytes: 100 } })
  expect(() => decodeDataUrl(`data:video/mp4;base64,${bytesOf(101).toString('base64')}`, { maxBytes })).toThrow(refusal)
})

describe('not a video in a data: URL', () => {
  test.each([
    undefined, null, 5, {}, '', 'AAAA', 'http://example.com/', 'data:', 'data:,AAAA', 'data:video/mp4,AAAA', 'data:video/mp4;base64',
    'data:text/html;base64,AAAA', 'data:image/svg+xml;base64,AAAA', 'data:video/mp4;base64,',
    'data:video/mp4;base64,=', 'data:video/mp4;base64,A', 'data:video/mp4;base64,AAAAA', 'data:video/mp4;base64,AA*A', 'data:video/mp4;base64,AA AA',
    'data:video/mp4;base64,AAAA\nAAAA', 'data:video/mp4;base64,AA==AAAA', 'data:video/mp4;base64,%41AAA',
    'data:video/mp4;base64,字字字字', ' data:video/mp4;base64,AAAA',
  ])('%j', (text) => {
    const refusal = ((): unknown => {
      try { return decodeDataUrl(text, { maxBytes }) } catch (error) { return error }
    })()
    expect(refusal).toBeInstanceOf(AppError)
    expect(refusal).toMatchObject({ code: 'invalid_parameter', status: 400, param: 'data' })
  })
})
