import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { REFUSED_PACKAGES, TESTED_PACKAGES } from './ai-sdk/packages.ts'
import { parseBackendConfigs } from './backend-config.ts'
import { OPENROUTER_MODELS } from './openrouter/models.ts'

const page = await readFile(new URL('../../docs/backends.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```json\n(.*?)^```/gms)].map(([, json]) => json)

test('the page for operators has examples', () => {
  expect(examples.length).toBeGreaterThan(5)
})

test.each(examples)('this example can be used: %s', (json) => {
  expect(parseBackendConfigs(JSON.parse(json))).toEqual({ configs: expect.any(Array) })
})

test('the page names every package that was tested, and every one that is refused', () => {
  for (const [name, { tested }] of TESTED_PACKAGES) expect(page).toContain(`| \`${name}\` | ${tested} |`)
  for (const [name] of REFUSED_PACKAGES) expect(page).toMatch(new RegExp(`^\\| .*\`${name}\`.*Refused`, 'm'))
})

test('the page names every family of models that is known at OpenRouter', () => {
  for (const id of OPENROUTER_MODELS.keys()) expect(page).toContain(id.replace(/-(?:fast|1\.5)$/, ''))
})

test("the embedded one's name is taken, in the list or not", () => {
  const router = { kind: 'openrouter', name: 'animatic', key: 'k', models: [{ id: 'm' }] }
  const fault = { path: [0, 'name'], message: 'animatic is the name of another one' }
  expect(parseBackendConfigs([router])).toEqual({ faults: [fault] })
  expect(parseBackendConfigs([router, { kind: 'animatic' }])).toMatchObject({ faults: expect.arrayContaining([fault]) })
  expect(parseBackendConfigs([{ ...router, name: 'router' }, { kind: 'animatic' }])).toEqual({ configs: expect.any(Array) })
})
