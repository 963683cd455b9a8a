import { expect, test } from 'vitest'
import { ServiceError } from './failure.ts'
import { underlined } from './underline.ts'

const refusal = (...unknown: { start: number; end: number }[]) => new ServiceError('No such character.', 'Did you mean bob?', { details: { unknown } })

test('marks stand below the names, where letters take one cell or two', () => {
  const prompt = '让@小红 meet @nobody'
  const shown = underlined(refusal({ start: 1, end: 4 }, { start: 10, end: 17 }), prompt)
  expect(shown).toMatchObject({ message: '让@小红 meet @nobody\n  ^^^^^      ^^^^^^^\nNo such character.', hint: 'Did you mean bob?' })
})

test('any other error, and a prompt of several lines, stays as it is', () => {
  const other = new ServiceError('The queue is full.', null)
  expect(underlined(other, '@nobody')).toBe(other)
  const unknown = refusal({ start: 0, end: 7 })
  expect(underlined(unknown, '@nobody\nwaves')).toBe(unknown)
})
