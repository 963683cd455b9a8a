import { readFileSync, statSync } from 'node:fs'
import { z } from 'zod'
import { parseBackendConfigs, type BackendConfig, type BackendFault } from '../backends/backend-config.ts'

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
  const json = readJson(text)
  if (json === undefined) return { list: [], faults: [{ path: [], message: 'must be a JSON list, or the path of a file that holds one' }] }
  const unset: BackendFault[] = []
  const result = parseBackendConfigs(withSecrets(json, { environment, unset }))
  if ('faults' in result) return { list: [], faults: [...unset, ...result.faults] }
  return { list: result.configs, faults: unset }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(/^\s*[[{]/.test(text) ? text : readFile(text))
  } catch {
    return undefined // whatever keeps it from being read, it is said what it must be
  }
}

function readFile(path: string): string {
  if (statSync(path).size > MOST_BYTES) throw new Error('too large')
  return readFileSync(path, 'utf8')
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
