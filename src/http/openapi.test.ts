import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'

interface Operation { operationId: string; summary: string; parameters?: { name: string; in: string }[]; responses: Record<string, { description: string }>; security?: unknown[]; requestBody?: { content: Record<string, unknown> } }
let server: TestServer
let document: { openapi: string; paths: Record<string, Record<string, Operation>>; components: { schemas: Record<string, object> } }
beforeAll(async () => {
  server = await startHttpServer()
  document = await (await server.request('/openapi.json')).json()
})
afterAll(() => server[Symbol.asyncDispose]())

const operations = () => Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))

test('lists every address the service has', () => {
  expect(operations().filter(({ method }) => method !== 'head').map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
    'delete /v1/characters/{ref}', 'patch /v1/characters/{ref}',
    'get /', 'get /@{username}', 'get /assets/{name}', 'get /docs/errors', 'get /docs/errors/{code}', 'get /healthz', 'get /media/{token}/{name}', 'get /metrics', 'get /openapi.json', 'get /profile/{username}', 'get /readyz',
    'get /v1/characters', 'get /v1/characters/{ref}', 'get /v1/characters/{ref}/clip', 'get /v1/characters/{ref}/cutout', 'get /v1/characters/{ref}/evidence', 'get /v1/characters/{ref}/portrait',
    'get /v1/characters/{ref}/references', 'get /v1/characters/{ref}/references/{n}', 'get /v1/characters/{ref}/voice',
    'delete /v1/videos/characters/{ref}', 'delete /v1/videos/{id}', 'get /v1/videos', 'get /v1/videos/characters', 'get /v1/videos/characters/{ref}', 'get /v1/videos/{id}', 'get /v1/videos/{id}/content',
    'post /v1/videos', 'post /v1/videos/characters', 'post /v1/videos/edits', 'post /v1/videos/extensions', 'post /v1/videos/{id}/remix', 'post /v1/videos/{id}/verify',
    'get /v1/backends', 'get /v1/backends/{name}', 'post /v1/prompts/resolve',
    'get /v1/characters/{ref}/events', 'get /v1/videos/{id}/events', 'get /v1/events',
    'get /v1/webhook_endpoints', 'post /v1/webhook_endpoints', 'get /v1/webhook_endpoints/{id}', 'post /v1/webhook_endpoints/{id}', 'delete /v1/webhook_endpoints/{id}', 'post /v1/webhook_endpoints/{id}/rotate_secret',
    'post /v1/webhook_endpoints/{id}/test', 'get /v1/webhook_event_types', 'get /v1/webhook_deliveries', 'post /v1/webhook_deliveries/{id}/redeliver',
    'post /sora/v1/characters', 'post /v1/characters', 'get /v1/characters/{ref}/export', 'post /v1/characters/detect', 'post /v1/characters/import', 'post /v1/characters/{ref}/restore', 'post /v1/sora/characters', 'post /v1/sora/v1/characters',
  ].toSorted())
})

test('every operation has one id, a summary, its path parameters, and described answers', () => {
  const ids = operations().map(({ operation }) => operation.operationId)
  expect(new Set(ids).size).toBe(ids.length)
  for (const { path, operation } of operations()) {
    expect(operation.summary).toBeTruthy()
    const inPath = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name)
    expect((operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => name)).toEqual(inPath)
    for (const { description } of Object.values(operation.responses)) expect(description).not.toBe('Default Response')
  }
})

test('every schema compiles, every reference leads somewhere, nothing is left over', () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema({ $id: 'openapi', ...document })
  const text = JSON.stringify(document)
  const references = new Set(Array.from(text.matchAll(/"#\/components\/schemas\/(\w+)"/g), ([, name]) => name))
  expect([...references].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted())
  for (const name of references) expect(() => ajv.compile({ $ref: `openapi#/components/schemas/${name}` })).not.toThrow()
})

test('a route that needs a key says so, and without one gives 401', async () => {
  await using keyed = await startHttpServer({ settings: { isOpen: false } })
  const needed = operations().filter(({ operation }) => operation.security === undefined && operation.operationId !== 'characterPage')
  expect(needed.length).toBeGreaterThan(15)
  for (const { path, method } of needed) {
    const response = await keyed.request(path.replace('{ref}', 'char_00000000000000000000000000000000').replace('{id}', 'video_00000000000000000000000000000000').replace('{name}', 'animatic').replace('{n}', '1'), { method: method.toUpperCase() })
    expect([method, path, response.status]).toEqual([method, path, 401])
  }
})

test('the seed door asks for what the seed asked for', () => {
  const create = document.components.schemas.SeedCreateInput as { required: string[]; properties: Record<string, unknown> }
  expect(create.required).toEqual(['timestamps']) // and url, unless from_task is there
  const seed = document.components.schemas.SeedCharacter as { required: string[] }
  expect(seed.required).toEqual(['id', 'username', 'permalink', 'profile_picture_url'])
})
