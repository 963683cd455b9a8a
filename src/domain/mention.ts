import { AppError } from './errors.ts'
import { readRun, type NameReading } from './name-run.ts'
import { RUN_ON, WORD_PART } from './run-on-script.ts'
import { spanFinder, type Span } from './span.ts'
import { foldUsername } from './username.ts'

/** Different names that one prompt may mention. */
export const MOST_NAMES = 64
/** Misses that are told; a text can have thousands. */
const MOST_MISSES = 100

/** Its names begin right after the sign. `end`: where reading goes on, whichever of them it turns out to be. */
export interface Mention extends Span, NameReading {}

/** Text as it is meant: without its span's escapes. */
export interface TextPiece extends Span { readonly text: string }

/** A sign that was not read as the start of a mention. */
export interface Miss extends Span { readonly reason: 'inside_word' | 'url' | 'unclosed_brace' }

/** Everything in a prompt that looks like a mention, in order; it knows no characters. */
export interface ScannedPrompt {
  readonly text: string
  /** Mentions, and the escapes `\@` and `@@`, whose text is shorter than their span. */
  readonly found: readonly (Mention | TextPiece)[]
  /** The first hundred. */
  readonly misses: readonly Miss[]
  readonly urls: readonly Span[]
}

const SIGN = /[@＠﹫]/g
const NAME = /[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*(?:[.\-·][\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*)*/uy
const BRACED = /[{｛][^{}｛｝\r\n]{0,200}[}｝]/y // the longest name, and spaces around it
const URL_TEXT = /(?<![a-z0-9])(?:[a-z][a-z0-9+.-]{1,15}:\/\/|www\.)[!-~]*/gi // any other script ends it
const IN_WORD = new RegExp(`${WORD_PART}$`, 'v')
const IN_PATH = new RegExp(`(?:^|[^${RUN_ON}])/$`, 'v')

/** Reads a prompt, in time proportional to its length. Throws `too_many_characters` for more than {@link MOST_NAMES} different names. */
export function scanMentions(text: string): ScannedPrompt {
  const urls = Array.from(text.matchAll(URL_TEXT), ({ index, 0: { length } }) => ({ start: index, end: index + length }))
  const read = signReader(text, urls)
  const found: (Mention | TextPiece)[] = []
  const misses: Miss[] = []
  let mentionEnd = -1
  for (let at = endOf(SIGN, text, 0); at !== -1;) {
    const sign = read(at - 1, mentionEnd)
    if (sign !== null && 'reason' in sign) misses.push(sign)
    else if (sign !== null) found.push(sign)
    if (sign !== null && 'names' in sign) mentionEnd = sign.end
    at = endOf(SIGN, text, sign?.end ?? at)
  }
  refuseTooMany(found)
  return { text, found, misses: misses.slice(0, MOST_MISSES), urls }
}

/** How a prompt calls somebody of this name. */
export const mentionOf = (name: string): string => (endOf(NAME, name, 0) === name.length ? `@${name}` : `@{${name}}`)

type Sign = Mention | TextPiece | Miss | null

/** Says what the sign at an index is, for ascending indices. `mentionEnd` is where the mention before it ended. */
function signReader(text: string, urls: readonly Span[]): (at: number, mentionEnd: number) => Sign {
  const urlAt = spanFinder(urls)
  const runAt = runReader(text)
  const miss = (reason: Miss['reason'], start: number, nameAt = start + 1): Miss => ({ start, end: nameAt + (runAt(nameAt)?.spoken.length ?? 0), reason })
  return (at, mentionEnd) => {
    if (isEscaped(text, at)) return { start: at - 1, end: at + 1, text: text[at] }
    if (urlAt(at) !== null) return miss('url', at)
    if (isOneOf('@＠﹫', text[at + 1])) return { start: at, end: at + 2, text: text[at] }
    if (isOneOf('{｛', text[at + 1])) {
      const end = endOf(BRACED, text, at + 1)
      return end === -1 ? miss('unclosed_brace', at, at + 2) : bracedMention(text.slice(at + 2, end - 1).trim(), { start: at, end })
    }
    const run = runAt(at + 1)
    if (run === null) return null
    const reason = at === mentionEnd ? null : whyNot(text, at, { isJoined: at - 1 === mentionEnd })
    return reason === null ? { start: at, end: at + 1 + run.length, names: run.names, spoken: run.spoken } : miss(reason, at)
  }
}

/** By an odd number of backslashes. */
function isEscaped(text: string, at: number): boolean {
  let first = at
  while (text[first - 1] === '\\') first--
  return (at - first) % 2 === 1
}

/** Why what stands before a sign keeps it from beginning a mention. `isJoined`: that is one character after another mention. */
function whyNot(text: string, at: number, { isJoined }: { readonly isJoined: boolean }): Miss['reason'] | null {
  const before = text.slice(Math.max(0, at - 3), at) // two characters, one of which may be a pair of surrogates
  if (IN_WORD.test(before)) return 'inside_word'
  return !isJoined && IN_PATH.test(before) ? 'url' : null
}

function bracedMention(name: string, { start, end }: Span): Mention | null {
  const length = end - start - 1
  return name === '' ? null : { start, end, names: [{ name: foldUsername(name), length }], spoken: { name, length } }
}

type Run = NameReading & { readonly length: number }

/** The run of letters at an index. The same one is often there again. */
function runReader(text: string): (at: number) => Run | null {
  const known = new Map<string, Run>()
  return (at) => {
    const end = endOf(NAME, text, at)
    if (end === -1) return null
    const run = text.slice(at, end)
    const reading = known.get(run) ?? { ...readRun(run), length: run.length }
    known.set(run, reading)
    return reading
  }
}

const isOneOf = (characters: string, one: string | undefined): boolean => one !== undefined && characters.includes(one)

/** Where the next match of a global or sticky pattern ends, or -1. */
function endOf(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : -1
}

/** Two mentions of one name have their shortest name in common, so there are at least as many as there are shortest ones. */
function refuseTooMany(found: readonly (Mention | TextPiece)[]): void {
  const shortest = new Set<string>()
  for (const sign of found) if ('names' in sign) shortest.add((sign.names.at(-1) ?? sign.spoken).name)
  if (shortest.size > MOST_NAMES) throw tooManyNames(shortest.size)
}

export const tooManyNames = (asked: number, param: 'prompt' | 'characters' = 'prompt'): AppError => new AppError('too_many_characters', { param, details: { where: 'request', limit: MOST_NAMES, asked } })

/** Text, or a mention of somebody, who may be said in any way. */
export type Piece<Who> = TextPiece | (Span & { readonly cast: Who })

/**
 * The prompt in pieces that tile it: first to last, each begins where the one before ends. Escapes are pieces of their own. A mention is
 * whoever its longest candidate that is known means; unknown ones are text, and listed.
 */
export function piecesOf<Who>({ text, found }: ScannedPrompt, who: (name: string) => Who | undefined): { readonly pieces: readonly Piece<Who>[]; readonly unknown: readonly (Span & { readonly name: string })[] } {
  const pieces: Piece<Who>[] = []
  const unknown: (Span & { readonly name: string })[] = []
  let at = 0
  const plainUntil = (end: number): void => {
    if (end > at) pieces.push({ start: at, end, text: text.slice(at, end) })
    at = end
  }
  for (const sign of found) {
    const piece = 'names' in sign ? mentioned(sign, who) : sign
    if (piece === null && 'names' in sign) unknown.push({ name: sign.spoken.name, start: sign.start, end: sign.start + 1 + sign.spoken.length })
    if (piece === null) continue
    plainUntil(piece.start)
    pieces.push(piece)
    at = piece.end
  }
  plainUntil(text.length)
  return { pieces, unknown }
}

function mentioned<Who>({ start, names }: Mention, who: (name: string) => Who | undefined): Piece<Who> | null {
  for (const { name, length } of names) {
    const cast = who(name)
    if (cast !== undefined) return { start, end: start + 1 + length, cast }
  }
  return null
}

/** The same, with neighbouring texts made one. */
export function joinTexts<Who>(pieces: readonly Piece<Who>[]): readonly Piece<Who>[] {
  const joined: Piece<Who>[] = []
  for (const piece of pieces) {
    const last = joined.at(-1)
    if (last !== undefined && 'text' in last && 'text' in piece) joined[joined.length - 1] = { start: last.start, end: piece.end, text: last.text + piece.text }
    else joined.push(piece)
  }
  return joined
}
