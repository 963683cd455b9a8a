import { Ajv2020 } from 'ajv/dist/2020.js'

const unixSeconds = { type: 'integer', minimum: 1_000_000_000, maximum: 100_000_000_000 }
const orNull = (schema: object): object => ({ anyOf: [schema, { type: 'null' }] })

/** The official objects, by their published key lists: every key required, nulls included; more keys are allowed. */
const OFFICIAL = {
  video: {
    type: 'object',
    required: ['id', 'object', 'model', 'status', 'progress', 'created_at', 'completed_at', 'expires_at', 'prompt', 'size', 'seconds', 'remixed_from_video_id', 'error'],
    properties: {
      id: { type: 'string' }, object: { const: 'video' }, model: { type: 'string' }, status: { enum: ['queued', 'in_progress', 'completed', 'failed'] }, progress: { type: 'integer' },
      created_at: unixSeconds, completed_at: orNull(unixSeconds), expires_at: orNull(unixSeconds), prompt: orNull({ type: 'string' }), size: { enum: ['720x1280', '1280x720', '1024x1792', '1792x1024'] },
      seconds: { type: 'string' }, remixed_from_video_id: orNull({ type: 'string' }), error: orNull({ type: 'object', required: ['code', 'message'], properties: { code: { type: 'string' }, message: { type: 'string' } } }),
    },
  },
  character: { type: 'object', required: ['id', 'name', 'created_at'], properties: { id: orNull({ type: 'string' }), name: orNull({ type: 'string' }), created_at: unixSeconds } },
  deleted: { type: 'object', required: ['id', 'object', 'deleted'], properties: { id: { type: 'string' }, object: { const: 'video.deleted' }, deleted: { type: 'boolean' } } },
  list: { type: 'object', required: ['object', 'data', 'first_id', 'last_id', 'has_more'], properties: { object: { const: 'list' }, data: { type: 'array' }, first_id: orNull({ type: 'string' }), last_id: orNull({ type: 'string' }), has_more: { type: 'boolean' } } },
  error: {
    type: 'object', required: ['code', 'message', 'param', 'type'],
    properties: { code: orNull({ type: 'string' }), message: { type: 'string' }, param: orNull({ type: 'string' }), type: { type: 'string' } },
  },
} as const

const ajv = new Ajv2020({ allErrors: true })

/** The value itself, if it is what the official schema says. */
export function official<T>(what: keyof typeof OFFICIAL, value: T): T {
  const validate = ajv.compile(OFFICIAL[what])
  if (!validate(value)) throw new Error(`${what}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`)
  return value
}
