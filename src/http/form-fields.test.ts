import { describe, expect, test } from 'vitest'
import { FORM_TYPES, nestFields } from './form-fields.ts'

describe('names in brackets', () => {
  test.each([
    [[['a', '1'], ['b', '2']], { a: '1', b: '2' }],
    [[['tags[]', 'x'], ['tags[]', 'y']], { tags: ['x', 'y'] }],
    [[['tags[0]', 'x'], ['tags[1]', 'y']], { tags: ['x', 'y'] }],
    [[['consent[by]', 'Ana'], ['consent[basis]', 'self']], { consent: { by: 'Ana', basis: 'self' } }],
    [[['subject[point][]', '1'], ['subject[point][]', '2'], ['subject[t]', '3']], { subject: { point: ['1', '2'], t: '3' } }],
    [[['list[][id]', 'a'], ['list[][id]', 'b']], { list: [{ id: 'a' }, { id: 'b' }] }],
    [[['a', '1'], ['a', '2']], { a: '2' }],
    [[['a[__proto__]', 'x']], { a: Object.defineProperty({}, '__proto__', { value: 'x', enumerable: true }) }],
  ])('%j', (fields, body) => {
    expect(nestFields(fields as [string, unknown][])).toEqual(body)
  })

  test.each([[[['tags[', 'x']]], [[['[a]', 'x']]], [[['a]b[', 'x']]], [[['', 'x']]], [[['a[b][c][d][e]', 'x']]], [[['a', 'x'], ['a[b]', 'y']]]])('%j cannot be read', (fields) => {
    expect(() => nestFields(fields as [string, unknown][])).toThrow('the name cannot be read')
  })
})

test('a text is a number where it is a decimal one', () => {
  expect(['4', ' 2.5 ', '.5', '1e3', '-0'].map(FORM_TYPES.number)).toEqual([4, 2.5, 0.5, 1000, -0])
  expect(['', '0x4', '0b1', 'Infinity', 'NaN', '1_000', '４'].map(FORM_TYPES.number)).toEqual(['', '0x4', '0b1', 'Infinity', 'NaN', '1_000', '４'])
})
