import { AppError } from '../domain/errors.ts'
import { isObject, parseJsonObject, type JsonObject } from './json-body.ts'
import { phrase } from '../domain/phrase.ts'

type Fields = readonly (readonly [name: string, value: unknown])[]
type Tree = { [key: string]: unknown }

const PATH = /^([^[\]]+)((?:\[[^[\]]*\])*)$/
const MOST_DEPTH = 4

/** `tags[]`, `consent[by]`, `subject[point][]`: names in brackets as the objects and lists they spell. */
export function nestFields(fields: Fields): JsonObject {
  const root: Tree = Object.create(null)
  for (const [name, value] of fields) {
    const path = pathOf(name)
    if (path === null || !place(root, path, value)) throw badName(name)
  }
  return Object.fromEntries(Object.entries(root).map(([key, value]) => [key, listed(value)]))
}

function pathOf(name: string): readonly string[] | null {
  const [, head, rest] = PATH.exec(name) ?? []
  if (head === undefined) return null
  const path = [head, ...Array.from(rest.matchAll(/\[([^[\]]*)\]/g), ([, key]) => key)]
  return path.length <= MOST_DEPTH ? path : null
}

/** False where a name is both a value and an object. */
function place(root: Tree, path: readonly string[], value: unknown): boolean {
  let at = root
  for (const [depth, key] of path.entries()) {
    const name = key === '' ? String(Object.keys(at).length) : key
    if (depth === path.length - 1) {
      at[name] = value
      return true
    }
    at[name] ??= Object.create(null)
    const inner = at[name]
    if (!isTree(inner)) return false
    at = inner
  }
  return false
}

/** The key a name in brackets begins with: `images[0]` is part of `images`. */
export const headOf = (name: string): string => name.replace(/\[.*$/s, '')

const isTree = (value: unknown): value is Tree => isObject(value) && Object.getPrototypeOf(value) === null

/** An object whose keys are 0, 1, 2… is a list. */
function listed(value: unknown): unknown {
  if (!isTree(value)) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, listed(inner)] as const)
  return entries.every(([key], i) => key === String(i)) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries)
}

const badName = (name: string): AppError =>
  new AppError('invalid_parameter', { param: name.slice(0, 64), details: { reason: phrase('the name cannot be read', '无法解析该字段名') } })

/** Not the other ways in which a program writes numbers, such as 0x4. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i

/** What a text of a form means where JSON would have had another type: `true`, `3`, `{"by":"Ana"}`, `a,b`. What cannot be read stays a text. */
export const FORM_TYPES = {
  boolean: (text: string) => (/^(?:true|1|on)$/i.test(text) ? true : /^(?:false|0|off|)$/i.test(text) ? false : text),
  number: (text: string) => (DECIMAL.test(text.trim()) ? Number(text) : text),
  list: (text: string) => (text.trim().startsWith('[') ? json(text) : text.split(',').map((part) => part.trim()).filter((part) => part !== '')),
  object: (text: string) => (text.trim().startsWith('{') ? json(text) : text),
} as const

function json(text: string): unknown {
  try {
    // Wrapped, because the parser with the bounds reads objects only.
    return parseJsonObject(new TextEncoder().encode(`{"value":${text}\n}`)).value
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_json') return text
    throw error
  }
}
