import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isLoopback, readConfig, settingsTable, terminalLanguage } from './config.ts'

test('without any variable the service is on loopback, open, and keeps its data beside itself', () => {
  expect(readConfig({})).toMatchObject({ HOST: '127.0.0.1', PORT: 7300, API_KEYS: [], FETCH_ALLOW: [], SYNC_BUDGET_MS: 50_000, CRASH_AT: null })
})

test('every problem is listed at once, by the name of its variable', () => {
  const unusable = { PORT: 'many', SYNC_BUDGET_MS: '1', HUMAN_POLICY: 'perhaps', CRASH_AT: 'nowhere', FETCH_ALLOW: 'http://x', API_KEYS: 'short:k' }
  expect(() => readConfig(unusable)).toThrow(/PORT: .*\n.*API_KEYS\[0\]: .*\n.*FETCH_ALLOW\[0\]: .*\n.*SYNC_BUDGET_MS: .*\n.*HUMAN_POLICY: .*\n.*CRASH_AT: /)
})

test('lists are split and trimmed, empty variables count as absent', () => {
  const config = readConfig({ FETCH_ALLOW: '127.0.0.1:8099, [::1]:80', PORT: '', PUBLIC_URL: 'https://cast.example.com/' })
  expect(config.FETCH_ALLOW).toEqual(['127.0.0.1:8099', '[::1]:80'])
  expect(config.PORT).toBe(7300)
  expect(config.PUBLIC_URL).toBe('https://cast.example.com')
})

test('only addresses of this machine count as loopback', () => {
  expect(['127.0.0.1', '127.1.2.3', 'localhost', '::1'].every(isLoopback)).toBe(true)
  expect(['0.0.0.0', '::', '192.168.1.2', 'localhost.example.com'].some(isLoopback)).toBe(false)
})

const SEEDANCE = { kind: 'openrouter', name: 'router', key: 'env:OPENROUTER_KEY', models: [{ id: 'bytedance/seedance-2.0' }] }
const VACE = { kind: 'openai-videos', name: 'gpu', dialect: 'vllm-omni', url: 'http://gpu:8000/v1/', headers: { 'x-team': 'env:TEAM' }, models: [{ id: 'wan-vace', preset: 'wan2.1-vace-1.3b' }] }

/** What a start with these settings would say, line by line. */
function complaints(backends: unknown, environment: Readonly<Record<string, string>> = {}): readonly string[] {
  try {
    readConfig({ BACKENDS: typeof backends === 'string' ? backends : JSON.stringify(backends), ...environment })
    return []
  } catch (error) {
    return error instanceof Error ? error.message.split('\n').slice(1).map((line) => line.trim()) : []
  }
}

describe('BACKENDS', () => {
  test('is empty when absent', () => {
    expect(readConfig({}).BACKENDS).toEqual([])
  })

  test('takes secrets from other variables, in the text as in a file', async () => {
    const secrets = { OPENROUTER_KEY: 'sk-or-1', TEAM: 'blue' }
    const { BACKENDS } = readConfig({ BACKENDS: JSON.stringify([SEEDANCE, VACE]), ...secrets })
    expect(BACKENDS).toMatchObject([{ kind: 'openrouter', key: 'sk-or-1', url: 'https://openrouter.ai/api/v1' }, { kind: 'openai-videos', url: 'http://gpu:8000/v1', headers: { 'x-team': 'blue' } }])

    const folder = await mkdtemp(join(tmpdir(), 'dramatis-settings-'))
    const path = join(folder, 'backends.json')
    await writeFile(path, JSON.stringify([SEEDANCE, VACE]))
    expect(readConfig({ BACKENDS: path, ...secrets }).BACKENDS).toEqual(BACKENDS)
    await rm(folder, { recursive: true })
  })

  test('tells every problem by its place, beside those of other settings', () => {
    const backends = [
      { ...SEEDANCE, colour: 'red' },
      { ...VACE, url: 'ftp://gpu', headers: {}, models: [{ id: 'a b' }] },
      { kind: 'sora', name: 'x' },
      { kind: 'ai-sdk', name: 'router', package: '@ai-sdk/fal', key: 'k', models: [{ id: 'm' }] },
      { kind: 'animatic' }, { kind: 'animatic' },
    ]
    expect(complaints(backends, { PORT: 'many' })).toEqual([
      expect.stringMatching(/^PORT: /),
      'BACKENDS[0].key: the variable OPENROUTER_KEY is not set',
      'BACKENDS[0]: Unrecognized key: "colour"',
      expect.stringMatching(/^BACKENDS\[1\]\.url: must be an absolute/),
      expect.stringMatching(/^BACKENDS\[1\]\.models\[0\]\.id: must be 1 to 200/),
      'BACKENDS[2].kind: must be one of openai-videos, comfyui, openrouter, ai-sdk, animatic',
      expect.stringMatching(/^BACKENDS\[3\]\.package: @ai-sdk\/fal drops references without a warning/),
      'BACKENDS[3].name: router is the name of another one',
      'BACKENDS[5].name: animatic is the name of another one',
    ])
  })

  test.each([['no file', './no-such-file.json'], ['no list', '{"kind":"animatic"}'], ['a folder', tmpdir()]])('%s is refused', (_name, text) => {
    expect(complaints(text)).toEqual([expect.stringMatching(/^BACKENDS: must be a (?:JSON )?list/)])
  })

  test('what is not JSON is refused with the place, and without its words', async () => {
    const text = '[\n  { "key": "sk-or-secret", },\n]'
    const path = join(await mkdtemp(join(tmpdir(), 'backends-')), 'backends.json')
    await writeFile(path, text)
    expect(complaints(text)).toEqual(['BACKENDS: is not JSON: see line 2, column 28'])
    expect(complaints(path)).toEqual(['BACKENDS: what is in the file is not JSON: see line 2, column 28'])
    await rm(dirname(path), { recursive: true })
  })

  test('an empty variable holds no key', () => {
    expect(complaints([SEEDANCE], { OPENROUTER_KEY: '' })).toEqual(['BACKENDS[0].key: the variable OPENROUTER_KEY is not set'])
  })

  test('a key is no part of a complaint', () => {
    expect(complaints([{ ...SEEDANCE, url: 'nowhere' }], { OPENROUTER_KEY: 'sk-or-secret' }).join('\n')).not.toContain('sk-or-secret')
  })
})

test.each([
  [{ LANG: 'zh_CN.UTF-8' }, 'zh'], [{ LC_ALL: '', LANG: 'zh_CN.UTF-8' }, 'zh'], [{ LC_ALL: 'C', LANG: 'zh_CN.UTF-8' }, 'en'], [{ LC_MESSAGES: 'zh_TW', LANG: 'en_US' }, 'zh'], [{}, 'en'],
] as const)('a terminal with %j speaks %s', (environment, language) => {
  expect(terminalLanguage(environment)).toBe(language)
})

test('docs/configuration.md holds the table as the code has it', async () => {
  expect(await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toContain(settingsTable())
})

test('api and worker need the database that they share', () => {
  expect(() => readConfig({ ROLE: 'worker' })).toThrow(/ROLE: api and worker need a DATABASE_URL/)
  expect(readConfig({ ROLE: 'worker', DATABASE_URL: 'postgres://dramatis@db/dramatis' })).toMatchObject({ ROLE: 'worker', DATABASE_POOL: 10 })
})

test('addresses of databases and buckets that cannot be one are refused without quoting their secrets', () => {
  const environment = { DATABASE_URL: 'mysql://root:hunter2@db/x', S3_URL: 'https://host/bucket?secret=hunter2' }
  expect(() => readConfig(environment)).toThrow(/DATABASE_URL: must be like .*\n.*S3_URL: it has no access key/)
  expect(() => readConfig(environment)).not.toThrow(/hunter2/)
})
