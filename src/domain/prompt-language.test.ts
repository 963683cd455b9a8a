import { expect, test } from 'vitest'
import { isMostlyChinese } from './prompt-language.ts'

test.each([
  ['在海边跑步', true], ['让 bob 在海边跑步', true], ['他的の很多汉字在这里的句子', true], ['a long walk by the 海', false], ['ミクが公園で歌う', false], ['', false], ['123 !', false],
])('%j', (text, isChinese) => { expect(isMostlyChinese(text)).toBe(isChinese) })
