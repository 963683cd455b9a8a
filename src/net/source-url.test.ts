import assert from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { AppError } from '../domain/errors.ts'
import { parseSourceUrl } from './source-url.ts'

function outcome(text: unknown, allow: readonly string[] = []): string {
  try {
    return parseSourceUrl(text, allow).href
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    assert.deepEqual([error.status, error.param], [400, 'url'])
    return error.code
  }
}

describe('not an absolute http(s) address', () => {
  test.each([
    undefined, null, 5, {}, [], '', ' ', 'clip.mp4', '/clip.mp4', '//example.com/clip.mp4', 'example.com/clip.mp4', 'example.com:8080/clip.mp4',
    'localhost:9000/x',
    'http:', 'http:/', 'http://', 'http:///clip.mp4', 'http://?x', 'http://#x', 'http:example.com', 'http:/example.com', 'https//example.com',
    'hxxp//example.com',
    ' http://example.com/', 'http://example.com/ ', 'http://exa mple.com/', 'http://example.com/a b', 'http://example.com/a\tb',
    'http://example.com/\nHost: x', 'http://example.com/\u0000',
    'http://example.com/\u0085', 'http://example.com/\u00a0', 'http://example.com\\@127.0.0.1/', 'http:\\\\example.com', 'http://[::1',
    'http://[::g]/', 'http://[fe80::1%25eth0]/', 'http://1.2.3.4.5/',
    'http://256.256.256.256/', 'http://example.com:99999/', 'http://example.com:port/', 'http://%00/', 'http://exa%20mple.com/',
    `http://example.com/${'a'.repeat(8192)}`, `http://example.com/${'字'.repeat(2800)}`,
  ])('%j', (text) => expect(outcome(text)).toBe('invalid_url'))
})

describe('an address that is not fetched', () => {
  test.each([
    // schemes
    'ftp://example.com/clip.mp4', 'file:///etc/passwd', 'FILE:///etc/passwd', 'gopher://example.com/', 'data:video/mp4;base64,AAAA',
    'javascript:alert(1)', 'blob:https://example.com/1', 'httpx://example.com/',
    'httpss://example.com/', 'ws://example.com/', 'rtmp://example.com/live', 'jar:http://example.com!/', 'view-source:http://example.com/',
    // credentials
    'http://user@example.com/', 'http://user:pass@example.com/', 'http://:pass@example.com/', 'http://example.com@127.0.0.1/',
    'http://127.0.0.1@example.com/',
    // ports
    'http://example.com:0/', 'http://example.com:22/', 'http://example.com:25/', 'http://example.com:1023/', 'https://example.com:81/',
    'http://example.com:6379/', 'http://example.com:3306/', 'http://example.com:5432/',
    'http://example.com:2375/', 'http://example.com:6000/', 'http://example.com:6063/', 'http://example.com:6667/', 'http://example.com:11211/',
    'http://example.com:10080/', 'http://example.com:27017/',
    // spellings of inside addresses
    'http://127.0.0.1/', 'http://127.1/', 'http://127.0.1/', 'http://0/', 'http://0.0.0.0:8080/', 'http://2130706433/', 'http://0x7f000001/',
    'http://0x7f.0.0.1/', 'http://0177.0.0.1/', 'http://017700000001/', 'http://127.0.0.1./',
    'http://0x7f.1/', 'http://127.000.000.001/', 'http://１２７.０.０.１/', 'http://①②⑦.⓪.⓪.①/', 'http://127。0。0。1/', 'http://%31%32%37.0.0.1/',
    'http://3232235777/', 'http://0xa9fea9fe/', 'http://169.254.169.254/latest/meta-data/',
    'http://2852039166/', 'http://025177524776/', 'http://[::]/', 'http://[::1]/', 'http://[0:0:0:0:0:0:0:1]/', 'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:7f00:1]/', 'http://[::127.0.0.1]/', 'http://[64:ff9b::127.0.0.1]/',
    'http://[2002:7f00:1::]/', 'http://[fe80::1]/', 'http://[fd00:ec2::254]/', 'http://[2a00:1450::5efe:7f00:1]/', 'http://10.0.0.1/',
    'http://192.168.1.1:8080/', 'http://100.100.100.200/', 'http://168.63.129.16/', 'https://172.16.0.1/',
  ])('%s', (text) => expect(outcome(text)).toBe('url_not_allowed'))
})

describe('an address that is fetched', () => {
  test.each([
    ['https://example.com/clip.mp4', 'https://example.com/clip.mp4'],
    ['HTTP://EXAMPLE.com:80/a?b=c#d', 'http://example.com/a?b=c'],
    ['http://example.com:8080/', 'http://example.com:8080/'],
    ['https://example.com:5000/视频.mp4', 'https://example.com:5000/%E8%A7%86%E9%A2%91.mp4'],
    ['http://bücher.example/', 'http://xn--bcher-kva.example/'],
    ['http://93.184.216.34/', 'http://93.184.216.34/'],
    ['http://[2606:4700:4700::1111]/', 'http://[2606:4700:4700::1111]/'],
    ['http://[64:ff9b::8.8.8.8]/', 'http://[64:ff9b::808:808]/'],
    ['http://intranet/', 'http://intranet/'], // a name is judged by what it resolves to
    ['http://localhost/', 'http://localhost/'],
    [`http://example.com/${'a'.repeat(8000)}`, `http://example.com/${'a'.repeat(8000)}`],
  ])('%s', (text, href) => expect(outcome(text)).toBe(href))
})

describe('FETCH_ALLOW', () => {
  const allow = ['127.0.0.1:9000', '[::1]:22', 'minio:6379', '10.0.0.1:443']

  test.each([
    'http://127.0.0.1:9000/clip.mp4', 'https://127.0.0.1:9000/', 'http://[::1]:22/', 'http://minio:6379/', 'http://MinIO:6379/', 'https://10.0.0.1/',
    'https://10.0.0.1:443/',
  ])('exempts the exact host and port: %s', (text) => expect(outcome(text, allow)).toMatch(/^https?:/))

  test.each([
    'http://127.0.0.1:9001/', 'http://127.0.0.1/', 'http://127.0.0.2:9000/', 'http://127.1:9000/', 'http://2130706433:9000/',
    'http://0x7f.0.0.1:9000/', 'http://[::ffff:127.0.0.1]:9000/', 'http://[0:0:0:0:0:0:0:1]:22/', 'http://[::1]:23/',
    'http://minio.:6379/', 'http://10.0.0.1/', 'http://user@127.0.0.1:9000/', 'http://user:pass@minio:6379/', 'ftp://127.0.0.1:9000/',
    'http://127.0.0.1:9000@192.168.0.1/',
  ])('and nothing else: %s', (text) => expect(outcome(text, allow)).toBe('url_not_allowed'))
})
