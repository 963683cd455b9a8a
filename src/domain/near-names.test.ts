import { expect, test } from 'vitest'
import { nearNames } from './near-names.ts'

const OWN = ['ana', 'bob', 'bob.smith', 'kai-2', 'misty_otter', 'anal', '小明', 'barn']

test.each([
  ['Misty_0tter', ['misty_otter']], ['bam', ['barn']], ['bob.then', ['bob']], ['bobby', ['bob']], ['kai-3', ['kai-2']], ['mistyotter', ['misty_otter']], ['misty_ottre', ['misty_otter']], ['misty_oter', ['misty_otter']], ['小明明', ['小明']],
  ['bo', ['bob', 'bob.smith']], ['an', ['ana', 'anal']], ['＠nobody', []], ['nobody', []], ['é', []], ['a', []], ['', []],
])('%j may be a slip for %j', (unknown, near) => { expect(nearNames(unknown, OWN)).toEqual(near) })

test('what looks the same comes before what begins alike, that before what is an edit away, and three are enough', () => {
  expect(nearNames('ana1', ['anas', 'anx1', 'anab', 'ana', 'anal'])).toEqual(['anal', 'ana', 'anas'])
})
