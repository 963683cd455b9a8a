import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { z } from 'zod'
import { character, seedCharacter, type CharacterResource, type SeedCharacter } from '../../src/http/schemas/character.ts'
import { errorBody, type ErrorBody } from '../../src/http/schemas/error.ts'
import type { RunningService } from './service.ts'

export type Headers = Readonly<Record<string, string>>
type At = Pick<RunningService, 'url'>

export const SEED = '/sora/v1/characters'

export const postJson = ({ url }: At, path: string, body: unknown, headers: Headers = {}): Promise<Response> =>
  fetch(`${url}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })

/** The answer as what it must be: a 200 or 201 that fits its schema to the last key. */
export async function answerOf<T>(response: Response, schema: z.ZodType<T>): Promise<T> {
  const text = await response.text()
  if (response.status !== 200 && response.status !== 201) throw new Error(`${response.status}: ${text}`)
  return schema.parse(JSON.parse(text))
}

/** Door A, for what must work. */
export const createSeed = async (service: At, body: unknown, headers?: Headers): Promise<SeedCharacter> => answerOf(await postJson(service, SEED, body, headers), seedCharacter)

/** Door C, for what must work. */
export const createNative = async (service: At, body: unknown, headers?: Headers): Promise<CharacterResource> => answerOf(await postJson(service, '/v1/characters', body, headers), character)

export const get = async <T>({ url }: At, path: string, schema: z.ZodType<T>, headers: Headers = {}): Promise<T> => answerOf(await fetch(`${url}${path}`, { headers }), schema)

export const refusalOf = async (response: Response): Promise<ErrorBody['error']> => errorBody.parse(await response.json()).error

/** Every file below a folder of the service's data: `objects`, `scratch`, `uploads`. */
export async function filesBelow({ dataFolder }: Pick<RunningService, 'dataFolder'>, name: string): Promise<string[]> {
  const entries = await readdir(join(dataFolder, name), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name: file }) => join(parentPath, file))
}

/** What a service works on: the files of its work folder, but those that hold it. */
export const workBelow = async (service: Pick<RunningService, 'dataFolder'>): Promise<string[]> =>
  (await filesBelow(service, 'scratch')).filter((path) => !/service[.]lock(?:-journal)?$/.test(path))
