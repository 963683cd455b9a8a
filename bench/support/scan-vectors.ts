import type { Database } from '../../src/db/database.ts'

export interface Hit { readonly characterId: string; readonly cosine: number }

export interface ScanOptions {
  readonly account: string
  readonly model: string
  readonly of: string
  readonly to: Float32Array
  /** The best so many are kept, */
  readonly hits: number
  /** out of the first so many characters. */
  readonly atMost: number
}

export interface Scan { readonly hits: readonly Hit[]; readonly scanned: number; /** The longest time without a turn for anybody else. */ readonly longestPageMs: number }

const PAGE = 2000

/** Every vector of an account against one, a page at a time: exact, and of a memory that does not grow with the library. */
export async function scanVectors(db: Database, { account, model, of, to, hits, atMost }: ScanOptions): Promise<Scan> {
  let [best, after, scanned, longestPageMs]: [Hit[], string, number, number] = [[], '', 0, 0]
  while (scanned < atMost) {
    const started = performance.now()
    const rows = await page(db, { account, model, of, after, limit: Math.min(PAGE, atMost - scanned) })
    const found = rows.map(({ character_id, bytes }) => ({ characterId: character_id, cosine: cosineWith(to, floatsOf(bytes)) }))
    best = [...best, ...found].toSorted((a, b) => b.cosine - a.cosine).slice(0, hits)
    scanned += rows.length
    longestPageMs = Math.max(longestPageMs, performance.now() - started)
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.character_id
  }
  return { hits: best, scanned, longestPageMs }
}

interface PageOptions { readonly account: string; readonly model: string; readonly of: string; readonly after: string; readonly limit: number }

const page = (db: Database, { account, model, of, after, limit }: PageOptions) => db.selectFrom('characters')
  .innerJoin('vectors', (join) => join.onRef('vectors.character_id', '=', 'characters.id').on('vectors.model', '=', model).on('vectors.of', '=', of))
  .select(['vectors.character_id', 'vectors.bytes'])
  .where('characters.account', '=', account).where('characters.status', '=', 'completed').where('characters.id', '>', after)
  .orderBy('characters.id').limit(limit).execute()

/** As they lie in the row, on a processor that keeps the least significant byte first. */
const floatsOf = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))

function cosineWith(a: Float32Array, b: Float32Array): number {
  let [product, aa, bb] = [0, 0, 0]
  for (let i = 0; i < a.length; i++) {
    product += a[i] * b[i]
    aa += a[i] * a[i]
    bb += b[i] * b[i]
  }
  return product / (Math.sqrt(aa * bb) || Infinity)
}
