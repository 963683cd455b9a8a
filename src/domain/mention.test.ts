import { array, assert, constantFrom, property, string, tuple } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joinTexts, mentionOf, MOST_NAMES, piecesOf, scanMentions } from './mention.ts'
import { foldUsername } from './username.ts'

const ID = 'char_0193f0c2a4b47d6e8f00112233445566'
const LONGEST = `x${'y'.repeat(79)}`
const NAMES = [
  'ana', 'anna', 'bob', 'bob.smith', 'kai', 'kai-2', 'x_y', 'alice', '小明', '小明明', 'josé', 'ミク', '민수', 'мила', '6f2dbf2b3.zenwhisper', 'chr_Axtjik3O#', 'a·b', 'สมชาย', 'ガク', LONGEST, ID,
]
const KNOWN = new Map(NAMES.map((name) => [foldUsername(name), name]))

const read = (text: string) => piecesOf(scanMentions(text), (name) => KNOWN.get(name))

/** Mentions in brackets, unknown names after `?`, misses after `~`. */
function reading(text: string): string {
  const { pieces, unknown } = read(text)
  const { misses } = scanMentions(text)
  return [
    pieces.map((piece) => ('text' in piece ? piece.text : `[${piece.cast}]`)).join(''),
    ...unknown.map(({ name }) => `?${name}`), ...misses.map(({ reason }) => `~${reason}`),
  ].join(' ')
}

describe('a name ends', () => {
  test.each([
    ['@ana waves', '[ana] waves'], ['hey @Ana, bye', 'hey [ana], bye'], ['@BOB', '[bob]'], ['@ana.', '[ana].'], ['@bob\'s hat', '[bob]\'s hat'], ['(@kai-2)', '([kai-2])'], ['@kai-2-', '[kai-2]-'], ['@bob-', '[bob]-'],
    ['@bob, @alice!', '[bob], [alice]!'], ['@bob：你好', '[bob]：你好'], ['@ana，你好', '[ana]，你好'], ['@ana、@小明。', '[ana]、[小明]。'], ['@x_y。', '[x_y]。'], ['@bob😀@ana', '[bob]😀[ana]'], ['@ana\u200Bx', '[ana]\u200Bx'],
    ['@bob—then', '[bob]—then'], ['@bob--then', '[bob]--then'], ['@bob...', '[bob]...'], ['@bob…', '[bob]…'], ['@bob\nruns', '[bob]\nruns'], ['A video of @bob.', 'A video of [bob].'], ['@kai-2.', '[kai-2].'],
  ])('at what is no letter: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

  test.each([
    ['@bob.smith runs', '[bob.smith] runs'], ['@bob.smith.', '[bob.smith].'], ['@bob.Then he', '[bob].Then he'], ['@ana.Then', '[ana].Then'], ['@bob.然后', '[bob].然后'], ['@BOB.SMITH', '[bob.smith]'],
    ['@bob.then he', '@bob.then he ?bob.then'], ['@bob-然后', '@bob-然后 ?bob'],
  ])('at a dot that ends a sentence, unless it is part of one: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

  test.each([
    ['让@bob跳舞', '让[bob]跳舞'], ['＠bob跳舞', '[bob]跳舞'], ['@小明在海边', '[小明]在海边'], ['@小明明在', '[小明明]在'], ['@小明明明', '[小明明]明'], ['让@小明和@ana拥抱', '让[小明]和[ana]拥抱'], ['让@bob和@alice跳舞', '让[bob]和[alice]跳舞'],
    ['@ミクが歌う', '[ミク]が歌う'], ['@ﾐｸが歌う', '[ミク]が歌う'], ['@ｶﾞｸが歌う', '[ガク]が歌う'], ['@민수가 달린다', '[민수]가 달린다'], ['@สมชายวิ่ง', '[สมชาย]วิ่ง'], ['@6f2dbf2b3.zenwhisper 在工地上', '[6f2dbf2b3.zenwhisper] 在工地上'], ['@6f2dbf2b3.zenwhisper在工地上', '[6f2dbf2b3.zenwhisper]在工地上'],
    ['@小明2号', '[小明]2号'], [`@${LONGEST}走`, `[${LONGEST}]走`],
  ])('beside letters that run on, the longest that exists: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

  test.each([
    ['@bobby', '?bobby'], ['@annabelle sings', '?annabelle'], ['@ana2', '?ana2'], ['@bob_the_builder', '?bob_the_builder'], ['@x_y_ z', '?x_y_'], ['@kai-3', '?kai-3'], ['@jose x', '?jose'], ['@é', '?é'], ['@bob\u0301', '?bob\u0301'],
    ['@nobody在工地', '?nobody'], ['@小红 走', '?小红'], ['@小红and', '?小红'], ['@ﾐｸﾞ', '?ﾐｸﾞ'], [`@${LONGEST}y`, `?${LONGEST}y`],
  ])('never inside a word or a mark: %j', (text, unknown) => { expect(reading(text)).toBe(`${text} ${unknown}`) })
})

test.each([
  ['@JOSÉ x', '[josé] x'], ['@jose\u0301 x', '[josé] x'], ['＠ａｎａ 跑', '[ana] 跑'], ['＠ａｎａ跑', '[ana]跑'], ['﹫ana', '[ana]'], ['@МИЛА идёт', '[мила] идёт'], ['@a·b', '[a·b]'], [`@${ID} runs`, `[${ID}] runs`], [`@${ID.toUpperCase()}`, `[${ID}]`],
])('case, width and composition do not matter: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

test.each([
  ['@{小明}明天出发', '[小明]明天出发'], ['@{ bob.smith }!', '[bob.smith]!'], ['@{bob} hugs @{ alice }', '[bob] hugs [alice]'], ['@{bob}@{alice}', '[bob][alice]'], ['foo@{bob}', 'foo[bob]'], ['＠｛bob｝', '[bob]'], ['@{bob}.then', '[bob].then'],
  ['@{chr_Axtjik3O#} sits', '[chr_Axtjik3O#] sits'], ['@chr_Axtjik3O# sits', '@chr_Axtjik3O# sits ?chr_Axtjik3O'], ['@{nope}', '@{nope} ?nope'], ['@{小明明明}', '@{小明明明} ?小明明明'],
  ['@{character1Username} dances', '@{character1Username} dances ?character1Username'], ['@{}', '@{}'], ['@{  }', '@{  }'], ['@{bob', '@{bob ~unclosed_brace'], ['@{bob\n}', '@{bob\n} ~unclosed_brace'], ['@{bob @{ana}', '@{bob [ana] ~unclosed_brace'],
])('braces are exact: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

test.each([
  ['mail a@bob.com now', 'mail a@bob.com now ~inside_word'], ['a@b', 'a@b ~inside_word'], ['first+last@bob.com', 'first+last@bob.com ~inside_word'], ['bob and@ana', 'bob and@ana ~inside_word'], ['@bob and@alice', '[bob] and@alice ~inside_word'], ['5@10', '5@10 ~inside_word'], ['é@ana', 'é@ana ~inside_word'],
  ['https://x.y/@bob', 'https://x.y/@bob ~url'], ['see https://x.y/@ana z', 'see https://x.y/@ana z ~url'], ['(https://x.y/@bob) @ana', '(https://x.y/@bob) [ana] ~url'], ['见https://x.y/@bob', '见https://x.y/@bob ~url'], ['https://x.y/?u=@bob', 'https://x.y/?u=@bob ~url'], ['WWW.x.y/?@bob', 'WWW.x.y/?@bob ~url'],
  ['x.com/@bob', 'x.com/@bob ~url'], ['https://x.y/v然后@bob跑', 'https://x.y/v然后[bob]跑'], ['https://x.y/@{bob}', 'https://x.y/@{bob} ~url'], ['然后/@bob', '然后/[bob]'],
])('e-mails, addresses and prices are text: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

test.each([
  ['@ana @anna', '[ana] [anna]'], ['@ana@anna', '[ana][anna]'], ['@anna@bob.', '[anna][bob].'], ['@bob/@ana', '[bob]/[ana]'], ['@bob+@ana', '[bob]+[ana]'], ['end.@bob', 'end.[bob]'], ['well-@bob', 'well-[bob]'], ['#@bob', '#[bob]'], ['👩@ana', '👩[ana]'], ['跳舞@bob', '跳舞[bob]'], ['𠀀@bob', '𠀀[bob]'],
  ['@bob@example.com', '[bob]@example.com ?example.com'],
])('a mention may follow a mention, a sign, or letters that run on: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

test.each([
  ['\\@bob x', '@bob x'], ['@@bob', '@bob'], ['\\\\@bob', '\\\\[bob]'], ['@@@bob', '@[bob]'], ['@@@@bob', '@@bob'], ['\\＠ana', '＠ana'], ['\\@bob @alice', '@bob [alice]'], ['\\@@bob', '@[bob]'], ['https://x.y/\\@bob', 'https://x.y/@bob'], ['@', '@'], ['@ bob', '@ bob'], ['@-bob', '@-bob'], ['@.', '@.'],
])('escapes: %j', (text, expected) => { expect(reading(text)).toBe(expected) })

test('spans count UTF-16 units of the user\'s own text', () => {
  expect(joinTexts(read('😀\\@x ＠ａｎａ走@{ bob }').pieces)).toEqual([
    { start: 0, end: 6, text: '😀@x ' }, { start: 6, end: 10, cast: 'ana' }, { start: 10, end: 11, text: '走' }, { start: 11, end: 19, cast: 'bob' },
  ])
  expect(read('hi @nobody在 @{ nope }').unknown).toEqual([{ name: 'nobody', start: 3, end: 10 }, { name: 'nope', start: 12, end: 21 }])
  expect(scanMentions('a@bob.com https://x.y/@ana在 @{kai').misses).toEqual([{ reason: 'inside_word', start: 1, end: 9 }, { reason: 'url', start: 22, end: 26 }, { reason: 'unclosed_brace', start: 28, end: 33 }])
})

const names = (count: number): string => Array.from({ length: count }, (_, n) => `@n${n}x`).join(' ')

test('more than 64 different names are refused before anybody is looked up, one name said often is one', () => {
  expect(scanMentions(names(MOST_NAMES)).found).toHaveLength(MOST_NAMES)
  expect(() => scanMentions(names(65))).toThrow(expect.objectContaining({ code: 'too_many_characters', param: 'prompt', details: { where: 'request', limit: 64, asked: 65 } }))
  const said = Array.from({ length: 500 }, (_, n) => `@小明${String.fromCodePoint(0x4e00 + 7 * n)}`).join('')
  expect(read(said).pieces.filter((piece) => 'cast' in piece)).toHaveLength(500)
})

interface Part { readonly source: string; readonly is: { readonly text: string } | { readonly cast: string } }
const text = (source: string): Part => ({ source, is: { text: source } })
const escaped = (source: string): Part => ({ source: ` ${source}`, is: { text: ` ${source.at(-1)}` } })
const mention = (cast: string) => ['', '{'].flatMap((brace) => ['@', '＠'].map((sign) => ({ source: brace ? `${sign}{ ${cast} }` : `${sign}${cast}`, is: { cast } })))

/** Whatever stands beside these, each is read as it was meant. */
const parts = array(constantFrom(
  ...['a quiet street, ', ' runs. ', '，然后', ' 和', '！', ' 😀 ', ' (x) ', '\n', ' 100 % ', ' {} '].map(text), ...['\\@', '\\＠', '@@'].map(escaped),
  ...['ana', 'bob', '6f2dbf2b3.zenwhisper', ID].flatMap(mention), ...mention('chr_Axtjik3O#').slice(2),
), { maxLength: 30 })

const joined = (all: readonly Part['is'][]): string => all.map((one) => ('text' in one ? one.text : `\u0000${one.cast}\u0000`)).join('')

test('a prompt made of texts, escapes and mentions is read as just those', () => {
  assert(property(parts, (parts) => {
    const spaced = parts.map(({ source, is }) => ('cast' in is ? { source: `${source} `, is: [is, { text: ' ' }] } : { source, is: [is] }))
    const { pieces, unknown } = read(spaced.map(({ source }) => source).join(''))
    expect(joined(pieces)).toBe(joined(spaced.flatMap(({ is }) => is)))
    expect(unknown).toEqual([])
  }), { numRuns: 500 })
})

test.each([['ana', '@ana'], ['bob.smith', '@bob.smith'], ['粉红猪·一号', '@粉红猪·一号'], ['chr_axtjik3o#', '@{chr_axtjik3o#}'], ['ana.', '@{ana.}']])('%j is called by %j', (name, mention) => {
  expect(mentionOf(name)).toBe(mention)
  expect(scanMentions(`${mention}, and`).found[0]).toMatchObject({ names: expect.arrayContaining([expect.objectContaining({ name })]) })
})

const ODD = ['@', '＠', '\\', '{', '}', '｛', '｝', ' ', '.', '-', '·', '_', '/', ':', '+', 'ana', 'bob', '小明', '明', 'ﾞ', 'ｶ', '\u0301', 'A', '1', '😀', '\ud840', '\udc00', '𠀀', 'https://', 'www.', '각', '\u1161', 'Σ', 'İ', '\n']
const anything = tuple(array(constantFrom(...ODD), { maxLength: 40 }), string({ unit: 'binary', maxLength: 10 })).map(([odd, any]) => odd.join('') + any)

/** Names that may have to be looked up, and signs. */
function workOf(source: string): number {
  try {
    return scanMentions(source).found.reduce((sum, sign) => sum + ('names' in sign ? sign.names.length : 1), 0)
  } catch {
    return 0 // too many names
  }
}

describe('whatever the text', () => {
  test('the pieces tile it, and written as they stand give it back', () => {
    assert(property(anything, (source) => {
      const { pieces } = read(source)
      for (const all of [pieces, joinTexts(pieces)]) {
        expect(all.map(({ start, end }) => source.slice(start, end)).join('')).toBe(source)
        all.forEach(({ start, end }, index) => { expect([start, end > start]).toEqual([index === 0 ? 0 : all[index - 1].end, true]) })
      }
    }), { numRuns: 2000 })
  })

  test('names are folded, longest first, and lie in the run that was read', () => {
    assert(property(anything, (source) => {
      for (const sign of scanMentions(source).found) {
        if (!('names' in sign)) continue
        for (const { name, length } of sign.names) expect([foldUsername(name), sign.start + length < sign.end]).toEqual([name, true])
        const lengths = sign.names.map(({ length }) => length)
        expect(lengths).toEqual(lengths.toSorted((a, b) => b - a))
        expect(new Set(lengths).size).toBe(lengths.length)
      }
    }), { numRuns: 2000 })
  })

  test('twice the text is at most twice the work', () => {
    const HOSTILE = ['@明', '@小明在海边', '@a.B', '@a.', '明', 'x@', '@{', '@{a}', '\\@', '\\', '@@', 'http://a/@b', '@Ａ明', '@a\u0301', '.', '@ｶﾞ', 'a']
    const grown = HOSTILE.flatMap((unit) => ['', '@', '@{'].map((start) => {
      const [once, twice] = [200, 400].map((times) => workOf(start + unit.repeat(times)))
      return { unit, start, isLinear: twice <= 2 * once + 2 * unit.length && twice <= unit.length * 400 + 2 }
    }))
    expect(grown.filter(({ isLinear }) => !isLinear)).toEqual([])
  })
})
