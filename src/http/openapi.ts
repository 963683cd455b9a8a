import swagger from '@fastify/swagger'
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod'
import program from '../../package.json' with { type: 'json' }
import { ERRORS, isErrorCode, isOfVideo } from '../domain/error-table.ts'
import type { App } from './deps.ts'
import { isObject, type JsonObject } from './json-body.ts'

const DESCRIPTION = `One to three seconds of a video become a character that any prompt can call by @username.
Every refusal has the same envelope; its \`code\` is stable and documented at \`/docs/errors/{code}\`.`

/** Builds /openapi.json from the schemas of the routes; to be called before they are added. */
export function describeRoutes(app: App, publicUrl: string): void {
  app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Dramatis', version: program.version, description: DESCRIPTION, license: { name: 'MIT', identifier: 'MIT' } },
      servers: [{ url: publicUrl }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'Also taken without the word Bearer.' },
          header: { type: 'apiKey', in: 'header', name: 'x-api-key' },
        },
      },
      security: [{ bearer: [] }, { header: [] }],
      tags: [
        { name: 'seed', description: 'The endpoint relays had, to the byte.' },
        { name: 'characters', description: 'The native door.' },
        { name: 'files', description: 'Pictures, clip and voice of a character.' },
        { name: 'prompts', description: 'Whom a prompt calls, and what a backend would be sent.' },
        { name: 'videos', description: 'The Videos API, as the official SDKs call it.' },
        { name: 'backends', description: 'What can make videos here, as data.' },
        { name: 'events', description: 'What happens, as it happens.' },
        { name: 'webhooks', description: 'Standard Webhooks: what happened, sent to an address.' },
        { name: 'pages', description: 'For people.' },
        { name: 'service', description: 'For whoever runs it.' },
      ],
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  })
}

/** The document as it is served: what the generators leave out or leave over is mended. */
export function finishedDocument(app: App): JsonObject {
  const document: JsonObject = JSON.parse(JSON.stringify(app.swagger())) // parts that are shared, such as GET's and HEAD's, become two
  for (const path of objectsIn(document.paths)) {
    for (const [method, operation] of Object.entries(path)) {
      if (!isObject(operation)) continue
      for (const [status, answer] of Object.entries(operation.responses ?? {})) describe(answer, status)
      if (method === 'post') Object.assign(operation, { parameters: [...(Array.isArray(operation.parameters) ? operation.parameters : []), IDEMPOTENCY_PARAMETER] })
      if (method === 'head') Object.assign(operation, { operationId: `${String(operation.operationId)}Head` }) // one id, one operation
    }
  }
  dropUnusedSchemas(document)
  return document
}

const IDEMPOTENCY_PARAMETER = {
  name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
  description: 'For a day, the same request with the same key gives the first answer again, with `Idempotent-Replayed: true`; while that one is worked on, it waits for it. Only successes are kept.',
}

const objectsIn = (value: unknown): JsonObject[] => (isObject(value) ? Object.values(value).filter(isObject) : [])

const SUCCESSES: Readonly<Record<string, string>> = {
  200: 'Done.', 201: 'Made.', 202: 'Under way: follow Location.', 206: 'A range of it.', 301: 'Moved.', 304: 'Unchanged.', 503: 'Not ready.',
}

function describe(answer: unknown, status: string): void {
  if (!isObject(answer) || answer.description !== 'Default Response') return
  const codes = Object.keys(ERRORS).filter(isErrorCode).filter((code) => String(ERRORS[code].status) === status && !isOfVideo(code)).map((code) => `\`${code}\``)
  Object.assign(answer, { description: codes.length > 0 ? codes.join(', ') : (SUCCESSES[status] ?? 'Done.') })
}

// Every schema is generated once for requests and once for answers, whether or not it appears in both.
function dropUnusedSchemas(document: JsonObject): void {
  const schemas = isObject(document.components) && isObject(document.components.schemas) ? document.components.schemas : {}
  for (;;) {
    const text = JSON.stringify(document)
    const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`))
    if (unused.length === 0) return
    for (const name of unused) Reflect.deleteProperty(schemas, name)
  }
}
