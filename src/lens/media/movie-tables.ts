import { AppError } from '../../domain/errors.ts'
import { checkBudget } from './budget.ts'
import type { HeldBytes } from './held-bytes.ts'
import { boxHeader, checkMovieBoxes } from './movie-boxes.ts'
import { HEAD_BYTES } from './sniff.ts'

/** After the media the rest of a file is its tables, most probably: up to this much of it is one request. */
const MOST_TAIL_BYTES = 4 * 1024 * 1024
const MOST_TOP_BOXES = 1000

export interface MovieTables {
  /** `ftyp` and `moov`. */
  readonly tableBytes: number
  /** The samples are listed in pieces all over the file. */
  readonly isFragmented: boolean
}

/**
 * Fetches the sample tables of an MP4 or MOV in one request wherever they lie, and looks them over.
 * Throws `media_corrupt`, `media_encrypted` or `media_too_large`.
 */
export async function fetchMovieTables(bytes: HeldBytes): Promise<MovieTables> {
  let tableBytes = 0
  let previous = ''
  for (let offset = 0, boxes = 0; offset + 8 <= bytes.size && boxes < MOST_TOP_BOXES; boxes++) {
    const rest = bytes.size - offset
    if (previous === 'mdat' && offset >= HEAD_BYTES && rest <= MOST_TAIL_BYTES) await bytes.fetch([{ start: offset, end: bytes.size }])
    const { type, length: stated, headerBytes } = boxHeader(await bytes.read(offset, Math.min(bytes.size, offset + 16)))
    const length = stated === 0 ? rest : stated
    if (length < headerBytes) throw new AppError('media_corrupt')
    if (type === 'pssh') throw new AppError('media_encrypted')
    if (type === 'ftyp') tableBytes += length
    if (type === 'moov') {
      if (length > rest) throw new AppError('media_corrupt')
      checkBudget('tables', length)
      await bytes.fetch([{ start: offset, end: offset + length }])
      const { isFragmented } = checkMovieBoxes(await bytes.read(offset, offset + length))
      return { tableBytes: tableBytes + length, isFragmented }
    }
    offset += length
    previous = type
  }
  throw new AppError('media_corrupt')
}
