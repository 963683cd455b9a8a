/** Whether a text is mostly Chinese: more than three letters in ten are Han, and few are kana, which would make it Japanese. */
export function isMostlyChinese(text: string): boolean {
  const count = (letters: RegExp): number => text.match(letters)?.length ?? 0
  const han = count(/\p{Script=Han}/gu)
  return han > 0.3 * count(/\p{L}/gu) && 4 * count(/[\p{Script=Hiragana}\p{Script=Katakana}]/gu) < han
}
