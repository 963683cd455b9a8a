import type { Capabilities, MediaKind } from './capabilities.ts'
import { LABEL_STYLES, type Style } from './label-styles.ts'
import type { CastMember, RenderedReference, Segment, Shot, VideoWarning } from './shot.ts'

interface Manner { readonly can: Pick<Capabilities, 'label' | 'hasPreamble'>; readonly what: string; readonly isChinese: boolean }

/** The prompt in the words of one family of models: a mention becomes the label of its character's first reference, or a description. */
export function writePrompt({ cast, segments }: Pick<Shot, 'cast' | 'segments'>, references: readonly RenderedReference[], { can, what, isChinese }: Manner): { readonly prompt: string; readonly warnings: readonly VideoWarning[] } {
  const style = LABEL_STYLES[can.label]
  const people = cast.map((member, index) => personOf(member, index, { references, style, isChinese, hasPreamble: can.hasPreamble }))
  const text = writeOut(segments, { wordFor: (index, isAgain) => (isAgain ? people[index].again : people[index].first), textOf: (text) => quiet(text, style), clings: style.clings })
  return {
    prompt: [...people.flatMap(({ introduction }) => introduction ?? []), text].join(''),
    warnings: [...undescribed(cast, { style, what }), ...labelsInText([...segments.flatMap((segment) => ('text' in segment ? segment.text : [])), ...cast.flatMap(({ description }) => description ?? [])], { style, what })],
  }
}

export interface Words {
  /** What a member of the cast is called, and from then on. */
  readonly wordFor: (cast: number, isAgain: boolean) => string
  readonly textOf: (text: string) => string
  /** The two characters where such a word begins or ends that may not stand together. */
  readonly clings: RegExp | null
}

/** Joins texts and mentions, with a space where they would run together. */
export function writeOut(segments: readonly Segment[], { wordFor, textOf, clings }: Words): string {
  const written: string[] = []
  const named = new Set<number>()
  let isAfterWord = false
  for (const segment of segments) {
    const isWord = 'cast' in segment
    const next = isWord ? wordFor(segment.cast, named.has(segment.cast)) : textOf(segment.text)
    if ((isWord || isAfterWord) && clings?.test(lastOf(written.at(-1)) + firstOf(next))) written.push(' ')
    written.push(next)
    if (isWord) named.add(segment.cast)
    isAfterWord = isWord
  }
  return written.join('')
}

const firstOf = (text: string): string => /^./su.exec(text)?.[0] ?? ''
const lastOf = (text = ''): string => /.$/su.exec(text.slice(-2))?.[0] ?? ''

/** What one of the cast is called the first time and later, and how a preamble introduces it. */
interface Person { readonly first: string; readonly again: string; readonly introduction: string | null }

interface Portrayal { readonly references: readonly RenderedReference[]; readonly style: Style; readonly isChinese: boolean; readonly hasPreamble: boolean }

function personOf({ username, description }: CastMember, cast: number, { references, style, isChinese, hasPreamble }: Portrayal): Person {
  const seen = references.map((reference, index) => ({ reference, place: index + 1 }))
    .filter(({ reference }) => reference.of === 'character' && reference.cast === cast && reference.kind !== 'audio')
  const labels = seen.flatMap(({ reference: { kind, n }, place }) => style.labelOf?.({ kind, n, place, cast: cast + 1, username, isChinese }) ?? [])
  const own = description === null ? null : quiet(tidy(description), style)
  if (labels.length > 0) {
    const subject = hasPreamble && style.subjectOf ? style.subjectOf(cast + 1) : null
    const word = subject ?? labels[0]
    return { first: word, again: word, introduction: hasPreamble ? introduce(labels, { subject, own, isChinese }) : null }
  }
  const first = own ?? (seen.length > 0 ? IN_PLAIN[seen[0].reference.kind][isChinese ? 'zh' : 'en'] : quiet(username, style))
  return { first, again: isChinese ? first : first.replace(/^an? /i, 'the same '), introduction: null }
}

const IN_PLAIN: Readonly<Record<MediaKind, { readonly en: string; readonly zh: string }>> = {
  image: { en: 'the character in the reference image', zh: '参考图中的角色' },
  video: { en: 'the character in the reference video', zh: '参考视频中的角色' },
  audio: { en: 'the voice in the reference', zh: '参考音频中的声音' },
}

function introduce(labels: readonly string[], { subject, own, isChinese }: { readonly subject: string | null; readonly own: string | null; readonly isChinese: boolean }): string {
  if (subject !== null) return `${subject} is ${own ?? 'the character'} from ${labels.join(' and ')}. `
  if (isChinese) return `${labels.join('和')}是${own ?? '同一个角色'}。`
  return `${labels.join(' and ')} ${labels.length === 1 ? 'shows' : 'show'} ${own ?? 'one character'}. `
}

/** A description in the middle of somebody's sentence. */
const tidy = (description: string): string => description.trim().replaceAll(/\s+/g, ' ').replace(/[.。]+$/, '')

/** Nothing but a mention may call a reference: what would be read as a label gets full-width punctuation. */
const quiet = (text: string, { reads }: Style): string => (reads === null ? text : text.replaceAll(reads, fullWidth))
const fullWidth = (label: string): string => label.replaceAll(/[!-/:-@[-`{-~]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) + 0xfee0))

function labelsInText(texts: readonly string[], { style: { reads, mayRead }, what }: { readonly style: Style; readonly what: string }): readonly VideoWarning[] {
  if (reads !== null && texts.some((text) => text.search(reads) !== -1)) return [{ code: 'label_in_text', message: `Text that ${what} would read as a reference was written in full-width characters.` }]
  if (mayRead !== null && texts.some((text) => mayRead.test(text))) return [{ code: 'label_in_text', message: `The text itself uses a word by which ${what} calls references, and it may be taken for one.` }]
  return []
}

function undescribed(cast: readonly CastMember[], { style, what }: { readonly style: Style; readonly what: string }): readonly VideoWarning[] {
  const names = cast.filter(({ description }) => description === null).map(({ username }) => `@${username}`)
  if (style.labelOf !== null || names.length < 2) return []
  return [{ code: 'description_missing', message: `${what} knows no labels, so ${names.join(' and ')} cannot be told apart without descriptions.` }]
}
