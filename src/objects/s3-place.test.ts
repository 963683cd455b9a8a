import { expect, test } from 'vitest'
import { parseS3Url } from './s3-place.ts'

test('an address names the server, the bucket, the key, and what lies before every object', () => {
  expect(parseS3Url(' http://test%3Atester:te%2Fs%2Bt@127.0.0.1:8085/a-bucket ')).toEqual({
    endpoint: 'http://127.0.0.1:8085/a-bucket', host: '127.0.0.1:8085', bucket: 'a-bucket', prefix: '', region: 'us-east-1', accessKeyId: 'test:tester', secretAccessKey: 'te/s+t',
  })
  expect(parseS3Url('https://KEY:SECRET@s3.eu-west-1.amazonaws.com/bucket/one/two/?region=eu-west-1')).toMatchObject({ endpoint: 'https://s3.eu-west-1.amazonaws.com/bucket', prefix: 'one/two/', region: 'eu-west-1' })
})

test.each([
  ['nothing', '', 'it is not an address'],
  ['a bare host', 's3.example/bucket', 'it is not an address'],
  ['a secret with a slash', 'https://KEY:hidden/secret@host/bucket', '%2F'],
  ['another scheme', 's3://KEY:hidden@host/bucket', 'it must begin with https:// or http://'],
  ['no key', 'https://host/bucket', 'it has no access key'],
  ['no secret', 'https://KEY@host/bucket', 'it has no secret'],
  ['a secret with a hash', 'https://KEY:hidden@host/bucket#x', 'it has a #'],
  ['a secret with a percent sign', 'https://KEY:hidden%zz@host/bucket', 'its secret has a %'],
  ['no bucket', 'https://KEY:hidden@host/', 'it names no bucket'],
  ['a bucket in capitals', 'https://KEY:hidden@host/Bucket', 'its bucket is no name of one'],
  ['a short bucket', 'https://KEY:hidden@host/ab', 'its bucket is no name of one'],
  ['a gap in the path', 'https://KEY:hidden@host/bucket/a//b', 'what follows the bucket'],
  ['another parameter', 'https://KEY:hidden@host/bucket?regoin=x', 'a parameter that is not known'],
  ['no region after all', 'https://KEY:hidden@host/bucket?region=', 'its region is no name of one'],
])('%s is refused in a sentence, without the secret', (_name, text, said) => {
  const parse = (): unknown => parseS3Url(text)
  expect(parse).toThrow(said)
  expect(parse).not.toThrow(/hidden/)
})
