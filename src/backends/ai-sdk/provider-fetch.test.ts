import { expect, test } from 'vitest'
import { startOrigin } from '../../../test/support/origins.ts'
import { createScrub } from '../../net/service-words.ts'
import { createProviderFetch, type ProviderFetch } from './provider-fetch.ts'

const { signal } = new AbortController()

const fetchFor = (origin: string, inspect: (body: string) => void = () => {}): ProviderFetch =>
  createProviderFetch({ origin, maxAnswerBytes: 10, scrub: createScrub([]), signal, inspect })

test('another host is not asked, even where an answer named it', async () => {
  await using other = await startOrigin((_request, response) => { response.end('{}') })
  const { fetch, trouble } = fetchFor('https://vendor.example')
  await expect(fetch(other.url, { headers: { authorization: 'Bearer key' } })).rejects.toMatchObject({ code: 'output_invalid' })
  expect(other.connections).toHaveLength(0)
  expect(trouble.failure).toMatchObject({ code: 'output_invalid' })
})

test('a body is seen before it leaves, or does not leave', async () => {
  await using vendor = await startOrigin((_request, response) => { response.end('{}') })
  const origin = `http://${vendor.pair}`
  const refusing = fetchFor(origin, () => { throw new Error('not this one') })
  await expect(refusing.fetch(origin, { method: 'POST', body: '{"a":1}' })).rejects.toThrow('not this one')
  await expect(fetchFor(origin).fetch(origin, { method: 'POST', body: new FormData() })).rejects.toMatchObject({ code: 'output_invalid' })
  expect(vendor.connections).toHaveLength(0)
})

test('an answer beyond the limit is not read on', async () => {
  await using vendor = await startOrigin((_request, response) => { response.end('x'.repeat(11)) })
  const origin = `http://${vendor.pair}`
  await expect(fetchFor(origin).fetch(origin)).rejects.toMatchObject({ code: 'output_invalid' })
})

test.each([[202, 202], [204, 200], [200, 200]])('%i reaches the package as %i', async (status, seen) => {
  await using vendor = await startOrigin((_request, response) => { response.writeHead(status).end() })
  const origin = `http://${vendor.pair}`
  expect((await fetchFor(origin).fetch(origin)).status).toBe(seen)
})
