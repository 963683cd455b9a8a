/**
 * Letters of scripts that are written without spaces, and Hangul with its glued particles, as the inside of a character class: a word may
 * end between any two of them.
 */
export const RUN_ON = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}ーｰ`

/** What words are made of, as the inside of a character class. */
export const WORD = String.raw`\p{L}\p{M}\p{N}_`

/** Letters and digits that go on with a word beside them, which those of {@link RUN_ON} do not; as a character class. */
export const WORD_PART = `[[${WORD}]--[${RUN_ON}]]`
