import type { Piece, ScannedPrompt, TextPiece } from '../domain/mention.ts'
import { RUN_ON, WORD_PART } from '../domain/run-on-script.ts'
import { spanFinder, type Span } from '../domain/span.ts'

/**
 * The pieces with every whole-word occurrence of a name made a mention, as it is written, letter for letter. Not in an address, nor after
 * a sign: that was escaped, or belongs to an e-mail. The same array when there is none.
 */
export function placeName<Who>({ text, urls }: ScannedPrompt, pieces: readonly Piece<Who>[], { name, who }: { readonly name: string; readonly who: Who }): readonly Piece<Who>[] {
  const urlAt = spanFinder(urls)
  const places = Array.from(text.matchAll(wholeWord(name)), ({ index }) => ({ start: index, end: index + name.length })).filter(({ start }) => urlAt(start) === null)
  const placed = places.length === 0 ? pieces : splitAt(pieces, places, who)
  return placed.length === pieces.length && placed.every((piece, index) => piece === pieces[index]) ? pieces : placed
}

const STARTS_RUN_ON = new RegExp(`^[${RUN_ON}]`, 'v')
const ENDS_RUN_ON = new RegExp(`[${RUN_ON}]$`, 'v')

const wholeWord = (name: string): RegExp =>
  new RegExp(`(?<![@＠﹫])${STARTS_RUN_ON.test(name) ? '' : `(?<!${WORD_PART})`}${RegExp.escape(name)}${ENDS_RUN_ON.test(name) ? '' : `(?!${WORD_PART})`}`, 'gv')

/** Both in order; a place that is not wholly inside one text stays text. */
function splitAt<Who>(pieces: readonly Piece<Who>[], places: readonly Span[], who: Who): readonly Piece<Who>[] {
  const split: Piece<Who>[] = []
  let next = 0
  for (const piece of pieces) {
    let at = piece.start
    for (; next < places.length && places[next].start < piece.end; next++) {
      const { start, end } = places[next]
      if (!isPlain(piece) || start < at || end > piece.end) continue
      if (start > at) split.push(partOf(piece, { start: at, end: start }))
      split.push({ start, end, cast: who })
      at = end
    }
    if (at === piece.start) split.push(piece)
    else if (isPlain(piece) && at < piece.end) split.push(partOf(piece, { start: at, end: piece.end }))
  }
  return split
}

/** An escape is shorter than what it stands for, and no place for a name. */
const isPlain = <Who>(piece: Piece<Who>): piece is TextPiece => 'text' in piece && piece.text.length === piece.end - piece.start
const partOf = (piece: TextPiece, { start, end }: Span): TextPiece => ({ start, end, text: piece.text.slice(start - piece.start, end - piece.start) })
