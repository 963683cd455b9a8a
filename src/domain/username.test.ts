import { assert, constantFrom, integer, property } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { KINDS } from './character.ts'
import { ENDINGS, MOODS, NOUNS, STEMS } from './name-words.ts'
import { suggestUsernames } from './suggest-username.ts'
import { isUsername, parseAlias, parseUsername, skeletonOf } from './username.ts'

describe('chosen', () => {
  test.each([
    ['ab', 'ab'], ['Misty_Otter', 'misty_otter'], ['＠ａｎａ', 'ana'], [' @kai-2 ', 'kai-2'], ['bob.smith', 'bob.smith'], ['9lives', '9lives'],
    ['小明', '小明'], ['ｶﾞﾝﾀﾞﾑ', 'ガンダム'], ['か\u3099く', 'がく'], ['김·철수', '김·철수'], ['ラーメン', 'ラーメン'], ['a'.repeat(40), 'a'.repeat(40)], ['imagery', 'imagery'],
  ])('%j is %j', (text, name) => { expect(parseUsername(text)).toBe(name) })

  test.each([
    '', 'a', 'a'.repeat(41), '.ana', 'ana.', 'a..b', 'a.-b', 'a b', 'é', 'ana!', 'a@b', 'аna', 'ａ／ｂ', '😀😀', 'a\u200Db', '①②\u0301',
    'image1', 'Image_1', 'video', 'subject-2', 'character', 'voice00', 'admin', 'a11', 'everyone', 'me', 'char_0193f0c2a4b47d6e8f00112233445566',
  ])('%j is refused', (text) => { expect(() => parseUsername(text)).toThrow(expect.objectContaining({ code: 'invalid_username', param: 'username' })) })
})

test('an alias may be any handle, and never an id', () => {
  expect(['6f2dbf2b3.zenwhisper', 'ch_6918', 'chr_Axtjik3O#', 'Привет'].map(parseAlias)).toEqual(['6f2dbf2b3.zenwhisper', 'ch_6918', 'chr_axtjik3o#', 'привет'])
  for (const text of ['', 'a b', 'a{b}', 'a\nb', 'a'.repeat(81), 'char_0193f0c2a4b47d6e8f00112233445566']) expect(() => parseAlias(text)).toThrow(expect.objectContaining({ code: 'invalid_username', message: expect.stringContaining('This alias') }))
})

test.each([['misty0tter', 'mistyotter'], ['ana1', 'anal'], ['bam', 'barn'], ['wow', 'vvow'], ['a.b', 'a_b'], ['a-b', 'a·b'], ['ニ', '二'], ['へ', 'ヘ'], ['ラーメン', 'ラ一メン']])('%s and %s look alike', (a, b) => {
  expect(skeletonOf(a)).toBe(skeletonOf(b))
})

test('different names do not look alike', () => {
  expect(new Set(['ana', 'anna', 'bob', 'bob_2', 'ニ', '口', 'ana2'].map(skeletonOf)).size).toBe(7)
})

/** A generator of numbers 0 ≤ n < 1 that repeats for the same seed. */
const seeded = (seed: number) => (): number => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

const firstNames = (kind: (typeof KINDS)[number], colour: string, { seed = 1, count = 1 } = {}): readonly string[] => [...suggestUsernames(kind, colour, seeded(seed)).take(count)]

/** The first words of many suggestions. */
const adjectives = (kind: (typeof KINDS)[number], colour: string): ReadonlySet<string> =>
  new Set(Array.from({ length: 200 }, (_, seed) => firstNames(kind, colour, { seed })[0].split('_')[0]))

describe('suggested', () => {
  test('is a legal name whatever was seen', () => {
    assert(property(constantFrom(...KINDS), constantFrom('red', 'teal', 'black', 'chartreuse'), integer(), (kind, colour, seed) => {
      for (const name of firstNames(kind, colour, { seed, count: 40 })) expect(name).toSatisfy((name: string) => /^[a-z][a-z0-9_]{2,15}$/.test(name) && isUsername(name))
    }), { numRuns: 100 })
  })

  test('is the same for the same random numbers, and another for others', () => {
    expect(firstNames('animal', 'teal', { count: 5 })).toEqual(firstNames('animal', 'teal', { count: 5 }))
    expect(firstNames('animal', 'teal', { seed: 2 })).not.toEqual(firstNames('animal', 'teal'))
  })

  test.each(KINDS)('has over 100,000 names for a %s before it needs digits', (kind) => {
    const nouns = new Set([...NOUNS[kind], ...STEMS.flatMap((stem) => ENDINGS[kind].map((ending) => stem + ending))])
    const lengths = [...nouns].map((noun) => noun.length)
    const names = MOODS.reduce((sum, mood) => sum + lengths.filter((length) => mood.length + 1 + length <= 16).length, 0)
    expect(names).toBeGreaterThan(100_000)
  })

  test('hints at the colour, and never at the colour of a person\'s skin or hair', () => {
    expect(adjectives('animal', 'brown')).toContain('cocoa')
    expect(adjectives('person', 'red')).toContain('ruby')
    expect([...adjectives('person', 'brown')].filter((word) => !MOODS.includes(word))).toEqual([])
  })

  test('goes on with digits, so that a free one is near', () => {
    const names = firstNames('object', 'red', { count: 200 })
    expect(names.slice(0, 12).every((name) => !/\d/.test(name))).toBe(true)
    expect(names.slice(12).every((name) => /\d$/.test(name))).toBe(true)
  })
})
