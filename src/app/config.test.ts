import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { isLoopback, readConfig, settingsTable } from './config.ts'

test('without any variable the service is on loopback, open, and keeps its data beside itself', () => {
  expect(readConfig({})).toMatchObject({ HOST: '127.0.0.1', PORT: 7300, API_KEYS: [], FETCH_ALLOW: [], SYNC_BUDGET_MS: 50_000, CRASH_AT: null })
})

test('every problem is listed at once, by the name of its variable', () => {
  const unusable = { PORT: 'many', SYNC_BUDGET_MS: '1', HUMAN_POLICY: 'perhaps', CRASH_AT: 'nowhere', FETCH_ALLOW: 'http://x', API_KEYS: 'short:k' }
  expect(() => readConfig(unusable)).toThrow(/PORT: .*\n.*API_KEYS: .*\n.*FETCH_ALLOW: .*\n.*SYNC_BUDGET_MS: .*\n.*HUMAN_POLICY: .*\n.*CRASH_AT: /)
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

test('docs/configuration.md holds the table as the code has it', async () => {
  expect(await readFile(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toContain(settingsTable())
})
