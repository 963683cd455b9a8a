import { AppError } from '../domain/errors.ts'
import { findJsonFault, placeOf } from './json-fault.ts'
import { phrase, type Phrase } from '../domain/phrase.ts'

export const MOST_JSON_BYTES = 1024 * 1024
const MOST_DEPTH = 32
const MOST_KEYS = 1000

export type JsonObject = Readonly<Record<string, unknown>>

/**
 * A body as a JSON object. Of a key sent twice the last one counts; `__proto__` is a key like any other.
 * Throws `invalid_json` with the line and column where there is one.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  const value = parse(decode(bytes))
  if (!isObject(value)) throw refusal(phrase('it is not an object', '不是对象'))
  checkBounds(value)
  return value
}

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

function decode(bytes: Uint8Array): string {
  if (bytes.length === 0) throw refusal(phrase('it is empty', '内容为空'))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    const lenient = new TextDecoder('utf-8').decode(bytes)
    throw refusal(phrase('it is not UTF-8', '不是 UTF-8 编码'), placeOf(lenient, lenient.indexOf('\uFFFD')))
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    const { line, column } = findJsonFault(text)
    throw refusal(phrase(`see line ${line}, column ${column}`, `见第 ${line} 行第 ${column} 列`), { line, column })
  }
}

function checkBounds(root: JsonObject): void {
  let keys = 0
  const visit = (value: unknown, depth: number): void => {
    if (typeof value === 'string') checkText(value)
    if (typeof value !== 'object' || value === null) return
    if (depth > MOST_DEPTH) throw refusal(phrase(`it is nested more than ${MOST_DEPTH} deep`, `嵌套超过 ${MOST_DEPTH} 层`))
    if (Array.isArray(value)) return value.forEach((item) => visit(item, depth + 1))
    for (const [key, item] of Object.entries(value)) {
      if (++keys > MOST_KEYS) throw refusal(phrase(`it has more than ${MOST_KEYS} keys`, `键超过 ${MOST_KEYS} 个`))
      checkText(key)
      visit(item, depth + 1)
    }
  }
  visit(root, 1)
}

// Half of a surrogate pair cannot be stored or sent again as UTF-8.
function checkText(text: string): void {
  if (!text.isWellFormed()) throw refusal(phrase('it holds half of a surrogate pair', '含有不成对的代理字符'))
}

const refusal = (reason: Phrase, details = {}): AppError => new AppError('invalid_json', { details: { reason, ...details } })
