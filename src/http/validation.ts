import type { FastifySchemaCompiler } from 'fastify'
import { z } from 'zod'
import { AppError } from '../domain/errors.ts'
import { isObject } from './json-body.ts'
import { nearest } from './nearest.ts'
import { phrase, type Phrase } from '../domain/phrase.ts'

const MOST_KEY_LENGTH = 64

/** Checks params, query and body against their schemas; the first thing wrong becomes an AppError. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodType> = ({ schema }) => (data) => {
  const result = schema.safeParse(data)
  return result.success ? { value: result.data } : { error: refusalOf(result.error.issues[0], schema, data) }
}

function refusalOf(issue: z.core.$ZodIssue, schema: z.ZodType, data: unknown): AppError {
  if (issue.code === 'unrecognized_keys') return unknownKey(issue.keys[0], schema)
  const param = issue.path.join('.') || 'body'
  const value = issue.path.reduce<unknown>((inner, key) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined), data)
  if (value === undefined || value === null) return new AppError('missing_required_parameter', { param, details: { example: exampleOf(schema, issue.path) } })
  return new AppError('invalid_parameter', { param, details: { reason: phrase('it has the wrong form', '格式不符'), allowed: allowedBy(issue, schema) } })
}

/** A key that a route lists but this version cannot serve yet says so, instead of "no such parameter". */
const LATER: Readonly<Record<string, Phrase>> = {
  images: phrase('pictures come with a later version', '图片将在后续版本支持'),
  visibility: phrase('sharing comes with a later version', '共享将在后续版本支持'),
}

export const notYet = (param: string): AppError => new AppError('invalid_parameter', { param, details: { reason: LATER[param] } })

function unknownKey(key: string, schema: z.ZodType): AppError {
  if (Object.hasOwn(LATER, key)) return notYet(key)
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  const near = nearest(key.slice(0, MOST_KEY_LENGTH), known)
  const allowed = near === null ? phrase(`one of ${known.join(', ')}`, known.join('、')) : phrase(`spelled ${near}`, near)
  return new AppError('invalid_parameter', { param: key.slice(0, MOST_KEY_LENGTH), details: { reason: phrase('there is no such parameter', '没有这个参数'), allowed } })
}

function exampleOf(schema: z.ZodType, [key]: readonly PropertyKey[]): string | undefined {
  const example: unknown = schema instanceof z.ZodObject && typeof key === 'string' ? schema.shape[key]?.meta()?.examples?.[0] : undefined
  return example === undefined ? undefined : JSON.stringify(example)
}

const TYPE_NAMES: Readonly<Record<string, Phrase>> = {
  string: phrase('a string', '字符串'),
  number: phrase('a number', '数字'),
  int: phrase('a whole number', '整数'),
  boolean: phrase('true or false', 'true 或 false'),
  object: phrase('an object', '对象'),
  record: phrase('an object', '对象'),
  array: phrase('a list', '列表'),
}

const UNITS: Readonly<Record<string, Phrase>> = {
  string: phrase(' characters', ' 个字符'), array: phrase(' items', ' 项'), record: phrase(' keys', ' 个键'),
}

function allowedBy(issue: z.core.$ZodIssue, schema: z.ZodType): Phrase | undefined {
  const unit = 'origin' in issue ? UNITS[String(issue.origin)] : undefined
  switch (issue.code) {
    case 'invalid_type': return TYPE_NAMES[issue.expected]
    case 'invalid_value': return phrase(`one of ${issue.values.join(', ')}`, issue.values.join('、'))
    case 'too_big': return phrase(`at most ${issue.maximum}${unit?.en ?? ''}`, `最多 ${issue.maximum}${unit?.zh ?? ''}`)
    case 'too_small': return phrase(`at least ${issue.minimum}${unit?.en ?? ''}`, `最少 ${issue.minimum}${unit?.zh ?? ''}`)
    default: {
      const example = exampleOf(schema, issue.path)
      return example === undefined ? undefined : phrase(`such as ${example}`, `例如 ${example}`)
    }
  }
}

/** Whether a body that was read as JSON gives this key a value. */
export const has = (body: unknown, key: string): boolean => isObject(body) && body[key] !== undefined && body[key] !== null
