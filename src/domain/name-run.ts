import { RUN_ON, WORD_PART } from './run-on-script.ts'
import { foldUsername } from './username.ts'

/** A name, and how many UTF-16 units of the text it takes. */
export interface NameInText { readonly name: string; readonly length: number }

/** What a run of letters may mean. */
export interface NameReading {
  /** Folded names, longest first; empty when no name is that long. The first that exists is meant. */
  readonly names: readonly NameInText[]
  /** What to call it when none of them does: the part in one kind of script, as it is written. */
  readonly spoken: NameInText
}

/** Of a name: 80 code points, as {@link parseAlias} takes them. */
const MOST_UNITS = 160
/** Of a run: folding makes at most three units one, so what is cut off here belongs to no name. */
const MOST_READ = 4 * MOST_UNITS

/** Joins what stands before it when folded, so no name ends before it: marks, half-width voicing, vowels and finals of Hangul. */
const GLUED = String.raw`[\p{M}ﾞﾟ\u1160-\u11FF\u3131-\u318E\uD7B0-\uD7FF\uFFA0-\uFFDC]`
const LETTER = `[[${RUN_ON}]--${GLUED}]${GLUED}*`

// Where one piece ends, a name may end: beside a run-on letter, or before the dot that ends a sentence. Never inside bob_the_builder, bob-2 or bob.then.
const PIECE = new RegExp(String.raw`[.\-·]?(?:${LETTER}|${WORD_PART}(?:${WORD_PART}|${GLUED}|[\-·]${WORD_PART}|\.(?!\p{Lu})${WORD_PART})*(?:[\-·]${LETTER})?|${GLUED}+)`, 'gv')
const SPOKEN = new RegExp(String.raw`^(?:${WORD_PART}|[.\-·])+|^(?:[${RUN_ON}]|${GLUED}|[.\-·]|\P{L})+`, 'v')

const SEAM = '\0' // stands in no run, and nothing folds across it

/** Reads a run of letters, marks, digits, `_` and single `.` `-` `·` between them. Takes time in proportion to its length. */
export function readRun(run: string): NameReading {
  const head = run.slice(0, MOST_READ)
  return { names: namesIn(head), spoken: spokenPart(head) }
}

function namesIn(head: string): readonly NameInText[] {
  const ends = pieceEnds(head)
  const { folded, foldedEnds } = foldAt(head, ends)
  const names = ends.map((length, index) => ({ name: folded.slice(0, foldedEnds[index]), length }))
  return names.filter(({ name }) => name.length <= MOST_UNITS).toReversed()
}

function pieceEnds(head: string): readonly number[] {
  const ends: number[] = []
  for (PIECE.lastIndex = 0; PIECE.test(head);) ends.push(PIECE.lastIndex)
  return ends
}

/** The folded text, and where each end is in it. */
function foldAt(head: string, ends: readonly number[]): { readonly folded: string; readonly foldedEnds: readonly number[] } {
  const folded = foldUsername(head)
  if (folded === head) return { folded, foldedEnds: ends }
  const pieces = foldUsername(ends.map((end, index) => head.slice(ends[index - 1] ?? 0, end)).join(SEAM)).split(SEAM)
  let end = 0
  return { folded: pieces.join(''), foldedEnds: pieces.map(({ length }) => (end += length)) }
}

function spokenPart(head: string): NameInText {
  const name = (SPOKEN.exec(head)?.[0] ?? head).slice(0, MOST_UNITS).replace(/[.\-·]+$/, '')
  return { name, length: name.length }
}
