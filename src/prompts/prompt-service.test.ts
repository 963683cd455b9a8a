import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRequest, openRig, type Rig } from '../../test/support/character-rig.ts'
import type { Character } from '../domain/character.ts'
import { AppError, describeError } from '../domain/errors.ts'
import { newCharacterId } from '../domain/identifier.ts'
import type { CharactersTable } from '../db/tables.ts'
import { createPrompts } from './prompt-service.ts'
import type { PromptRequest, Prompts, ResolvedPrompt } from './prompts.ts'

let rig: Rig
let prompts: Prompts
const made = new Map<string, Character>()
const NOBODY = newCharacterId()

const make = async (username: string, { account = 'local', ...options }: Partial<Parameters<typeof createRequest>[0] & object>['options'] & { readonly account?: string } = {}): Promise<Character> =>
  (await rig.characters.create(createRequest({ account, isForced: true, options: { username, ...options } }))).done

beforeAll(async () => {
  rig = await openRig()
  prompts = createPrompts({ db: rig.db })
  made.set('ana', await make('ana', { displayName: 'Ana Lima', description: 'a woman with red hair' }))
  made.set('bob', await make('bob', { aliases: ['6f2dbf2b3.zenwhisper', 'chr_axtjik3o#'] }))
  made.set('小明', await make('小明', { displayName: '明明' }))
  made.set('bob.smith', await make('bob.smith'))
  made.set('secret', await make('secret', { account: 'other', aliases: ['hidden'] }))
  made.set('gone', await make('gone'))
  await rig.characters.remove('local', 'gone', { isPurge: false })
})
afterAll(() => rig[Symbol.asyncDispose]())

const id = (name: string): string => made.get(name)?.id ?? ''
const resolve = (text: string, rest: Partial<PromptRequest> = {}): Promise<ResolvedPrompt> => prompts.resolve({ account: 'local', text, characters: [], unknownMentions: 'error', ...rest })
const refusal = (text: string, rest?: Partial<PromptRequest>): Promise<unknown> => resolve(text, rest).then(() => null, ({ code, param, details }) => ({ code, param, details }))
const hintOf = (text: string, characters: readonly string[] = []): Promise<unknown> =>
  resolve(text, { characters }).catch((error: unknown) => (error instanceof AppError ? describeError(error, 'en').hint : error))
const castOf = ({ cast }: ResolvedPrompt): readonly string[] => cast.map(({ username }) => username)

/** A row that holds nothing but its state. */
const rowOf = (values: Partial<CharactersTable>): CharactersTable => ({
  id: newCharacterId(), account: 'local', status: 'queued', step: null, progress: 0, attempts: 0, fingerprint: 'f', is_forced: 0, request: null, error: null, same_as: null, trace_id: null,
  clip_sha256: null, media_token: null, media: null, kind: null, facts: null, search: null, created_at: 1, updated_at: 1, completed_at: null, deleted_at: null, ...values,
})

describe('mentions', () => {
  test('become a cast in the order they come, each once, and segments that tile the prompt', async () => {
    const { segments, cast, characters, nearMisses, warnings, isChinese } = await resolve('让@小明在海边，\\@bob mail x@bob.com @ana、@{小明}')
    expect(segments).toEqual([
      { text: '让', start: 0, end: 1 }, { cast: 0, start: 1, end: 4 }, { text: '在海边，@bob mail x@bob.com ', start: 4, end: 29 }, { cast: 1, start: 29, end: 33 }, { text: '、', start: 33, end: 34 }, { cast: 0, start: 34, end: 39 },
    ])
    expect(characters).toEqual([{ id: id('小明'), username: '小明', revision: 1, mentions: [[1, 4], [34, 39]] }, { id: id('ana'), username: 'ana', revision: 1, mentions: [[29, 33]] }])
    expect(nearMisses).toEqual([{ start: 20, text: '@bob.com', reason: 'inside_word' }])
    expect([warnings, isChinese]).toEqual([[], false])
    expect(cast[1]).toMatchObject({ id: id('ana'), username: 'ana', kind: 'animal', revision: 1, description: 'a woman with red hair' })
  })

  test('bring the files of their characters', async () => {
    const { cast: [{ media }] } = await resolve('@ana')
    const names = [media.portrait, media.cutout, ...media.references, media.clip, media.voice].map((file) => file?.name)
    expect(names).toEqual(['portrait.webp', 'cutout.webp', 'reference-1.webp', 'reference-2.webp', 'reference-3.webp', 'clip.mp4', 'voice.wav'])
    expect(media.portrait).toMatchObject({ bytes: 8 })
  })

  test('may be usernames, aliases and ids, however they are written, of one character', async () => {
    const { cast, segments } = await resolve(`@BOB ＠6f2dbf2b3.ZenWhisper在 @{chr_Axtjik3O#} @${id('bob')} @bob.Then`)
    expect(cast).toHaveLength(1)
    expect(segments.filter((segment) => 'cast' in segment)).toHaveLength(5)
  })

  test('by the id of a request that made the same character again mean that character', async () => {
    const first = await make('twice')
    const again = newCharacterId()
    await rig.db.insertInto('characters').values(rowOf({ id: again, status: 'completed', same_as: first.id, completed_at: 1 })).execute()
    expect(castOf(await resolve(`@${again} and @twice`))).toEqual(['twice'])
    expect((await prompts.recall('local', [again]))[0]?.id).toBe(first.id)
    await rig.characters.remove('local', first.id, { isPurge: false })
    expect(await refusal(`@${again}`)).toMatchObject({ code: 'character_not_found', details: { unknown: [{ name: again, start: 0, end: 38 }] } })
  })
})

describe('unknown names', () => {
  test('are told with their places, and with the caller\'s own names that are near', async () => {
    expect(await refusal('@ana and @bob.then he, @nobody在工地')).toEqual({
      code: 'character_not_found', param: 'prompt',
      details: { unknown: [{ name: 'bob.then', start: 9, end: 18 }, { name: 'nobody', start: 23, end: 30 }], suggestions: ['bob'], mentions: ['@bob'], names: ['@bob.then', '@nobody'], where: 'suggested' },
    })
    expect(await refusal('@nobody '.repeat(100))).toMatchObject({ details: { unknown: { length: 64 }, names: ['@nobody'], suggestions: [], where: 'prompt' } })
  })

  test('are told how to write the near ones, where they stand', async () => {
    expect(await hintOf('@chr_Axtjik3O#')).toContain('Did you mean @{chr_axtjik3o#}? Write')
    expect(await hintOf('x', ['chr_axtjik3o'])).toBe('Did you mean @{chr_axtjik3o#}?')
    expect(await hintOf('x', ['nobody'])).not.toContain('Write')
  })

  test('are the same as those that belong to another account or were deleted', async () => {
    const told = await Promise.all(['secret', 'hidden', 'gone', 'nobody', id('secret'), id('gone'), NOBODY].map(async (name) => JSON.stringify(await refusal(`@${name}`)).replaceAll(name, 'X').replaceAll(/"end":\d+/g, '')))
    expect(new Set(told).size).toBe(1)
    expect(await refusal('@secre')).toMatchObject({ details: { suggestions: [] } })
    expect(castOf(await resolve('@secret', { account: 'other' }))).toEqual(['secret'])
  })

  test('stay text where that is asked for', async () => {
    const { segments, nearMisses, cast } = await resolve('mail a@b.c, @nobody then @ana', { unknownMentions: 'text' })
    expect(segments).toEqual([{ text: 'mail a@b.c, @nobody then ', start: 0, end: 25 }, { cast: 0, start: 25, end: 29 }])
    expect(nearMisses).toEqual([{ start: 6, text: '@b.c', reason: 'inside_word' }, { start: 12, text: '@nobody', reason: 'unknown' }])
    expect(cast).toHaveLength(1)
  })
})

describe('listed characters', () => {
  test('that are mentioned change nothing', async () => {
    expect(await resolve('@ana runs', { characters: ['@ana', id('ana'), 'ANA'] })).toEqual(await resolve('@ana runs'))
  })

  test('are found by their display name, then by their username, as whole words', async () => {
    const { segments, characters, warnings } = await resolve('Ana Lima and bob see Anabel, 明明在 @bob.smith', { characters: ['ana', '6f2dbf2b3.zenwhisper', '@小明'] })
    expect(characters.map(({ username, mentions }) => [username, ...mentions])).toEqual([['ana', [0, 8]], ['bob', [13, 16]], ['小明', [29, 31]], ['bob.smith', [33, 43]]])
    expect(segments.slice(0, 4)).toEqual([{ cast: 0, start: 0, end: 8 }, { text: ' and ', start: 8, end: 13 }, { cast: 1, start: 13, end: 16 }, { text: ' see Anabel, ', start: 16, end: 29 }])
    expect(warnings).toEqual([])
  })

  test('are found by their username only where their display name is not there', async () => {
    const { characters } = await resolve('ana, that is Ana Lima', { characters: ['ana'] })
    expect(characters[0].mentions).toEqual([[13, 21]])
  })

  test.each(['ana lima', 'banana', 'ana2', 'ana_', '\\@ana', 'x@ana.com', 'https://x.y/ana', 'Ana'])('are not found in %j: they go along last, with a warning', async (text) => {
    const { segments, characters, warnings } = await resolve(`@bob ${text.replace('ana lima', 'Ana-Lima')}`, { characters: ['ana'] })
    expect(characters.map(({ username, mentions }) => [username, mentions.length])).toEqual([['bob', 1], ['ana', 0]])
    expect(segments.filter((segment) => 'cast' in segment)).toHaveLength(1)
    expect(warnings).toEqual([{ code: 'character_not_mentioned', message: expect.stringContaining('@ana') }])
  })

  test('that may not be used are refused like unknown ones', async () => {
    for (const ref of ['secret', 'gone', 'nobody', id('secret')]) {
      expect(await refusal('@ana', { characters: ['bob', ref] })).toEqual({ code: 'character_not_found', param: 'characters', details: { unknown: [{ name: ref }], suggestions: [], mentions: [], names: [`@${ref}`], where: 'list' } })
    }
  })
})

describe('limits', () => {
  test('an empty prompt, and one of more than 32,000 characters', async () => {
    for (const text of ['', ' \n ']) expect(await refusal(text)).toMatchObject({ code: 'missing_required_parameter', param: 'prompt' })
    expect(await refusal('😀'.repeat(32_001))).toMatchObject({ code: 'invalid_parameter', param: 'prompt', details: { limit: 32_000, asked: 32_001 } })
    expect((await resolve('😀'.repeat(32_000))).segments).toHaveLength(1)
  })

  test('64 names in the prompt, in the list, and in both', async () => {
    const names = Array.from({ length: 65 }, (_, n) => `n${n}`)
    expect(await refusal(names.map((name) => `@${name}`).join(' '))).toMatchObject({ code: 'too_many_characters', param: 'prompt', details: { limit: 64, asked: 65 } })
    expect(await refusal('x', { characters: names })).toMatchObject({ code: 'too_many_characters', param: 'characters', details: { limit: 64, asked: 65 } })
    const rows = Array.from({ length: 66 }, () => rowOf({}))
    await rig.db.insertInto('characters').values(rows).execute()
    const [mentioned, listed] = [rows.slice(0, 33), rows.slice(33)].map((rows) => rows.map(({ id }) => id))
    expect(await refusal(mentioned.map((id) => `@${id}`).join(' '), { characters: listed })).toMatchObject({ code: 'too_many_characters', details: { limit: 64, asked: 66 } })
  })

  test('one that is unfinished or failed is not ready, by whatever it is called', async () => {
    const [queued, failed] = [rowOf({ status: 'queued' }), rowOf({ status: 'failed' })]
    await rig.db.insertInto('characters').values([queued, failed]).execute()
    for (const { id } of [queued, failed]) {
      expect(await refusal(`@ana @${id}`)).toMatchObject({ code: 'character_not_ready', param: 'prompt' })
      expect(await refusal('@ana', { characters: [id] })).toMatchObject({ code: 'character_not_ready', param: 'characters' })
      expect(await prompts.recall('local', [id])).toEqual([null])
    }
  })
})

describe('work', () => {
  let queries = 0
  let counted: Prompts
  beforeEach(() => {
    queries = 0
    const db = rig.db.withPlugin({
      transformQuery: ({ node }) => { queries++; return node },
      transformResult: async ({ result }) => result,
    })
    counted = createPrompts({ db })
  })
  const count = async (text: string): Promise<number> => {
    queries = 0
    await counted.resolve({ account: 'local', text, characters: [], unknownMentions: 'error' }).catch(() => {})
    return queries
  }

  test('is as many queries for a hundred mentions as for one, and for a forbidden name as for an unknown', async () => {
    expect(await count('@ana '.repeat(100) + '让@小明在 @bob @bob.smith')).toBe(await count('@ana'))
    expect(await count('@secret')).toBe(await count('@nobody'))
    expect(await count('no mention at all')).toBe(0)
  })
})

test('a cast is recalled by id as it is now, without those who went', async () => {
  const temporary = await make('temporary')
  const recall = () => prompts.recall('local', [id('bob'), temporary.id, id('secret'), NOBODY, id('ana')])
  expect((await recall()).map((member) => member?.username ?? null)).toEqual(['bob', 'temporary', null, null, 'ana'])
  await rig.characters.edit('local', temporary.id, { username: 'renamed' }, { ifRevisions: null })
  expect((await recall())[1]).toMatchObject({ id: temporary.id, username: 'renamed' })
  await rig.characters.remove('local', temporary.id, { isPurge: false })
  expect((await recall())[1]).toBeNull()
})
