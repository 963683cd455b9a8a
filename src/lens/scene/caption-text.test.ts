import { describe, expect, test } from 'vitest'
import { shortened, writable } from './caption-text.ts'

/** A font of Latin and Chinese. */
const has = (codePoint: number): boolean => /[\p{Script=Latin}\p{Script=Han}\p{N}\p{P}\p{S} ＠]/u.test(String.fromCodePoint(codePoint)) && codePoint < 0x1_0000

describe('what is written', () => {
  test.each([
    ['@a hands @b a letter，＠a笑了', '@a hands @b a letter，＠a笑了'],
    ['line one\n\n  line\ttwo ', 'line one line two'],
    ['a 😀 smile 👩‍👩‍👧', 'a smile'],
    ['flags 🇫🇷 go', 'flags go'],
    ['안녕 세상, @a', '…, @a'],
    ['cafe\u0301', 'café'],
    ['a\u0000b\u202Ec\u200Dd', 'abcd'],
    ['\uD800 lone', 'lone'],
    ['z\u0351\u0352\u0353algo', 'zalgo'],
    ['😀😀', ''],
  ])('%j becomes %j', (text, written) => expect(writable(text, has)).toBe(written))

  test('is bounded', () => expect(writable('字'.repeat(32_000), has)).toHaveLength(400))
})

describe('what is shortened', () => {
  test.each([
    ['one two three', 9, 'one two…'],
    ['one two three', 7, 'one two…'],
    ['one, two', 4, 'one…'],
    ['很久很久以前，在一个', 7, '很久很久以前…'],
    ['incomprehensibilities', 8, 'incompre…'],
  ])('%j after %i characters is %j', (text, count, short) => expect(shortened(text, count)).toBe(short))
})
