import { ERRORS, type ErrorCode, type ErrorKind, type Message } from './error-table.ts'
import { inLanguage, type Language, type Phrase } from './phrase.ts'

export type { Language }

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error', 429: 'rate_limit_error',
  500: 'server_error', 503: 'server_error', 504: 'server_error',
}

export type ErrorDetails = Readonly<Record<string, unknown>>

export interface ErrorFacts {
  /** The request's parameter that is at fault, as the caller spelled the key. */
  readonly param?: string
  /** Facts for the caller and for the placeholders of the texts: JSON values only, never a path, a URL or a stack. */
  readonly details?: ErrorDetails
  readonly cause?: unknown
}

/** A failure with a public face. `message` is English and for the log; what a caller reads comes from {@link describeError}. */
export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: ErrorCode
  readonly param: string | null
  readonly details: ErrorDetails

  constructor(code: ErrorCode, { param, details = {}, cause }: ErrorFacts = {}) {
    super(fill(pick(ERRORS[code].message, details), { param, ...details }, 'en'), { cause })
    this.code = code
    this.param = param ?? null
    this.details = details
  }

  get status(): number { return statusOf(this.code, this.param) }
}

function statusOf(code: ErrorCode, param: string | null): number {
  const { status, statusInBody }: ErrorKind = ERRORS[code]
  return param === null ? status : statusInBody ?? status
}

/** Load passes; everything else at or above 400 stays wrong however often it is sent. */
export const isTransient = (code: ErrorCode): boolean => [429, 503, 504].includes(ERRORS[code].status)

export interface ErrorDescription { readonly message: string; readonly type: string; readonly param: string | null; readonly code: ErrorCode; readonly hint?: string }

/** What a caller is told, in their language. */
export function describeError({ code, param, details }: Pick<AppError, 'code' | 'param' | 'details'>, language: Language): ErrorDescription {
  const kind: ErrorKind = ERRORS[code]
  const values = { ...details, param: param ?? 'body' }
  const hint = kind.hint && fill(pick(kind.hint, details), values, language)
  return {
    message: fill(pick(kind.message, details), values, language),
    type: ERROR_TYPES[statusOf(code, param)] ?? 'invalid_request_error',
    param,
    code,
    // A hint whose facts are not known would show its placeholder.
    ...(hint && !/\{\w+\}/.test(hint) && { hint }),
  }
}

function pick(message: Message, details: ErrorDetails): Phrase {
  if (!('by' in message)) return message
  return message.cases[String(details[message.by])] ?? Object.values(message.cases)[0]
}

function fill(text: Phrase, values: Readonly<Record<string, unknown>>, language: Language): string {
  return text[language].replaceAll(/\{(\w+)\}/g, (whole, name) => (values[name] === undefined ? whole : show(values[name], language)))
}

const SEPARATORS: Readonly<Record<Language, string>> = { en: ', ', zh: '、' }

function show(value: unknown, language: Language): string {
  const told = inLanguage(value, language)
  return Array.isArray(told) ? told.join(SEPARATORS[language]) : String(told)
}

/** An error's details as a caller reads them. */
export const detailsIn = (language: Language, details: ErrorDetails): ErrorDetails =>
  Object.fromEntries(Object.entries(details).map(([name, value]) => [name, inLanguage(value, language)]))
