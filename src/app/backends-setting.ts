import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { parseBackendConfigs, type BackendConfig, type BackendFault } from '../backends/backend-config.ts'
import { findJsonFault } from '../http/json-fault.ts'

const MOST_BYTES = 1024 * 1024
const FROM_VARIABLE = 'env:'

type Environment = Readonly<Record<string, string | undefined>>

/** A list of backends as JSON, or the path of a file that holds it. Where a secret is due, `env:NAME` stands for what that variable holds. */
export const backendsSetting = (environment: Environment): z.ZodType<readonly BackendConfig[], string | undefined> =>
  z.string().default('[]').transform((text, context) => {
    const { list, faults } = readBackends(text, environment)
    for (const { path, message } of faults) context.addIssue({ code: 'custom', path: [...path], message })
    return list
  })

function readBackends(text: string, environment: Environment): { readonly list: readonly BackendConfig[]; readonly faults: readonly BackendFault[] } {
  const read = readJson(text)
  if ('fault' in read) return { list: [], faults: [{ path: [], message: read.fault }] }
  const unset: BackendFault[] = []
  const result = parseBackendConfigs(withSecrets(read.json, { environment, unset }))
  if ('faults' in result) return { list: [], faults: [...unset, ...result.faults] }
  return { list: result.configs, faults: unset }
}

function readJson(text: string): { readonly json: unknown } | { readonly fault: string } {
  const isPath = !/^\s*[[{]/.test(text)
  const source = isPath ? readFile(text) : text
  if (source === null) return { fault: 'must be a JSON list, or the path of a file that holds one; no file can be read there' }
  try {
    return { json: JSON.parse(source) }
  } catch {
    const { line, column } = findJsonFault(source) // the words of the parser quote the text, which may hold keys
    return { fault: `${isPath ? 'what is in the file ' : ''}is not JSON: see line ${line}, column ${column}` }
  }
}

/** Null for what cannot be read, or is too large to be meant. */
function readFile(path: string): string | null {
  try {
    return statSync(path).size > MOST_BYTES ? null : readFileSync(path, 'utf8')
  } catch {
    return null // the caller says what it must be
  }
}

interface Secrets { readonly environment: Environment; readonly unset: BackendFault[] }

/** `key` and the values of `headers` of each entry. */
function withSecrets(json: unknown, secrets: Secrets): unknown {
  if (!Array.isArray(json)) return json
  return json.map((entry: unknown, at) => {
    if (!isRecord(entry)) return entry
    const headers = isRecord(entry.headers) ? { headers: mapValues(entry.headers, (value, name) => secret(value, [at, 'headers', name], secrets)) } : {}
    return { ...entry, ...headers, ...('key' in entry && { key: secret(entry.key, [at, 'key'], secrets) }) }
  })
}

function secret(value: unknown, path: readonly PropertyKey[], { environment, unset }: Secrets): unknown {
  if (typeof value !== 'string' || !value.startsWith(FROM_VARIABLE)) return value
  const name = value.slice(FROM_VARIABLE.length)
  const held = environment[name]
  if (held === undefined || held === '') unset.push({ path, message: `the variable ${name} is not set` })
  return held || FROM_VARIABLE
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value)

const mapValues = (record: Readonly<Record<string, unknown>>, change: (value: unknown, name: string) => unknown): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value, name)]))
