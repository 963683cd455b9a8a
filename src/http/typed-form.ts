import { FORM_TYPES } from './form-fields.ts'
import { isObject, type JsonObject } from './json-body.ts'

/** By name: a field means the same on every route. */
const TYPES = {
  force: FORM_TYPES.boolean,
  strict_subject: FORM_TYPES.boolean,
  seed: FORM_TYPES.number,
  tags: FORM_TYPES.list,
  aliases: FORM_TYPES.list,
  metadata: FORM_TYPES.object,
  consent: FORM_TYPES.object,
  subject: FORM_TYPES.object,
  timestamps: FORM_TYPES.object,
  character_timestamps: FORM_TYPES.object,
  input_reference: FORM_TYPES.object,
} as const

/** The texts of a form as the types JSON would have had; what cannot be read stays a text, for the schema to refuse. */
export function typedForm(fields: JsonObject): JsonObject {
  const typed: Record<string, unknown> = { ...fields }
  for (const [name, toType] of Object.entries(TYPES)) {
    const value = typed[name]
    if (typeof value === 'string') typed[name] = toType(value)
  }
  if (isObject(typed.subject)) typed.subject = numbersIn(typed.subject)
  if (isObject(typed.consent) && typeof typed.consent.at === 'string') typed.consent = { ...typed.consent, at: FORM_TYPES.number(typed.consent.at) }
  return typed
}

function numbersIn(value: unknown): unknown {
  if (typeof value === 'string') return FORM_TYPES.number(value)
  if (Array.isArray(value)) return value.map(numbersIn)
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, numbersIn(inner)])) : value
}
