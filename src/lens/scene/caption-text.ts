/** More is never shown on three lines. */
const MOST_CHARACTERS = 400

/** Marks that change how others look, and pictures: left out. What the font cannot write of letters is shown as being there. */
const IGNORED = /[\p{C}\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Variation_Selector}\p{Regional_Indicator}\p{M}]/u
const MISSING = '…'

/** One line of text that the font can write. A run of letters it lacks becomes one ellipsis; emoji and controls go. */
export function writable(text: string, has: (codePoint: number) => boolean): string {
  const characters = [...text.normalize('NFC').replaceAll(/\s+/gu, ' ').trim()].slice(0, MOST_CHARACTERS * 2)
  const shown = characters.map((character) => {
    if (has(character.codePointAt(0) ?? 0) && !/\p{C}/u.test(character)) return character
    return IGNORED.test(character) ? '' : MISSING
  })
  return [...shown.join('').replaceAll(/…(?: ?…)+/g, MISSING).replaceAll(/ {2,}/g, ' ').trim()].slice(0, MOST_CHARACTERS).join('')
}

/** The text cut after `count` characters, at the end of a word where one is near. */
export function shortened(text: string, count: number): string {
  const kept = [...text].slice(0, count).join('')
  const [word] = /[\p{Script=Latin}\p{N}@_.'’-]+$/u.exec(kept) ?? ['']
  const isInWord = /^[\p{Script=Latin}\p{N}_'’-]/u.test([...text].slice(count).join(''))
  const whole = isInWord && word.length < kept.length / 2 ? kept.slice(0, kept.length - word.length) : kept
  return `${whole.replace(/[\s,;:，。；：、.…-]+$/u, '')}…`
}
