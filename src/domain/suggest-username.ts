import type { Kind } from './character.ts'
import { COLOUR_WORDS, COLOURS_UNSAID_OF_PEOPLE, ENDINGS, MOODS, NOUNS, STEMS } from './name-words.ts'
import { isUsername } from './username.ts'

const GENERATED = /^[a-z][a-z0-9_]{2,15}$/
const PLAIN_TRIES = 12

/**
 * Names that hint at a kind and a colour, such as `misty_otter` or `jade_fernpaw`; endless, and one may come twice.
 * After a dozen they end in digits, so a free one is near however many are taken. `random` gives 0 ≤ n < 1.
 */
export function* suggestUsernames(kind: Kind, colour: string, random: () => number): Generator<string, never> {
  for (let tries = 0; ;) {
    const digits = tries < PLAIN_TRIES ? '' : String(Math.floor(random() * 10 ** Math.min(2 + Math.floor(tries / PLAIN_TRIES), 5)))
    const name = `${adjective(kind, colour, random)}_${noun(kind, random)}${digits}`
    if (!GENERATED.test(name) || !isUsername(name)) continue
    tries++
    yield name
  }
}

function adjective(kind: Kind, colour: string, random: () => number): string {
  const isUnsaid = kind === 'person' && COLOURS_UNSAID_OF_PEOPLE.has(colour)
  const colours = isUnsaid ? undefined : COLOUR_WORDS[colour]
  return pick(colours !== undefined && random() < 0.4 ? colours : MOODS, random)
}

const noun = (kind: Kind, random: () => number): string => (random() < 0.4 ? pick(NOUNS[kind], random) : pick(STEMS, random) + pick(ENDINGS[kind], random))

const pick = (from: readonly string[], random: () => number): string => from[Math.floor(random() * from.length)]
