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
/** Of a run: more than the longest name takes up in its most wordy form. */
const MOST_READ = 4 * MOST_UNITS

/** Joins what stands before it when folded, so no name ends before it: marks, half-width voicing, vowels and finals of Hangul. */
const GLUED = String.raw`[\p{M}ﾞﾟ\u1160-\u11FF\u3131-\u318E\uD7B0-\uD7FF\uFFA0-\uFFDC]`
const LETTER = `[[${RUN_ON}]--${GLUED}]${GLUED}*`

// Where one piece ends, a name may end: beside a run-on letter, or before the dot that ends a sentence. Never inside bob_the_builder, bob-2 or bob.then.
const PIECE = new RegExp(String.raw`[.\-·]?(?:${LETTER}|${WORD_PART}(?:${WORD_PART}|${GLUED}|[\-·]${WORD_PART}|\.(?!\p{Lu})${WORD_PART})*(?:[\-·]${LETTER})?|${GLUED}+)`, 'gv')
const SPOKEN = new RegExp(String.raw`^(?:${WORD_PART}|[.\-·])+|^(?:[${RUN_ON}]|[.\-·]|\P{L})+`, 'v')

const SEAM = '\0' // stands in no run, and nothing folds across it

/** Reads a run of letters, marks, digits, `_` and single `.` `-` `·` between them. Takes time in proportion to its length. */
export function readRun(run: string): NameReading {
  const head = run.slice(0, MOST_READ)
  return { names: namesIn(head, { isWhole: head.length === run.length }), spoken: spokenPart(head) }
}

function namesIn(head: string, { isWhole }: { readonly isWhole: boolean }): readonly NameInText[] {
  const pieces = head.match(PIECE) ?? []
  if (!isWhole) pieces.pop() // it may go on
  const folded = foldUsername(pieces.join(SEAM)).split(SEAM)
  const names: NameInText[] = []
  for (let count = 0, name = '', length = 0; count < pieces.length && name.length + folded[count].length <= MOST_UNITS; count++) {
    name += folded[count]
    length += pieces[count].length
    names.push({ name, length })
  }
  return names.toReversed()
}

function spokenPart(head: string): NameInText {
  const name = (SPOKEN.exec(head)?.[0] ?? head).slice(0, MOST_UNITS).replace(/[.\-·]+$/, '')
  return { name, length: name.length }
}
