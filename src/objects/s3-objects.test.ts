import { describe, expect, inject, test } from 'vitest'
import { openBucket } from '../../test/support/s3-server.ts'
import { objectStoreSuite, type ObjectStoreUnderTest } from '../../test/suites/object-store-suite.ts'
import type { Log } from '../runtime/log.ts'
import { openS3Objects, parseS3Url } from './s3-objects.ts'

const s3Url = inject('s3Url') ?? ''
const silent: Log = { info: () => {}, warn: () => {}, error: () => {} }

async function start(): Promise<ObjectStoreUnderTest> {
  const bucket = await openBucket(s3Url)
  return {
    objects: openS3Objects(parseS3Url(bucket.url), { log: silent, pageSize: 3 }),
    kept: async () => {
      const uploads = JSON.stringify(await bucket.client.listMultipartUploads())
      const begun = [...uploads.matchAll(/"UploadId":"([^"]+)"/gi)].map(([, id]) => `upload ${id}`)
      return [...(await bucket.client.listObjects() ?? []).map(({ Key }) => Key).toSorted(), ...begun]
    },
    [Symbol.asyncDispose]: () => bucket[Symbol.asyncDispose](),
  }
}

describe.skipIf(s3Url === '')('s3 objects', () => { objectStoreSuite({ start }) })

test.skipIf(s3Url === '')('a store in a part of a bucket keeps to it', async () => {
  await using bucket = await openBucket(s3Url)
  const [part, whole] = ['/one/two', ''].map((prefix) => openS3Objects(parseS3Url(bucket.url + prefix), { log: silent }))
  await part.put('char_1/1/a', new Uint8Array(100))
  await whole.put('char_2/1/a', new Uint8Array(100))
  expect(await Array.fromAsync(part.listFolders())).toEqual([['char_1']])
  expect(await Array.fromAsync(whole.listFolders())).toEqual([['char_2', 'one']])
  expect(Buffer.concat(await Array.fromAsync(await whole.get('one/two/char_1/1/a'))).equals(new Uint8Array(100))).toBe(true)
  expect(await part.deleteFolder('char_2')).toBe(0)
  expect(await part.deleteFolder('char_1')).toBe(1)
})
