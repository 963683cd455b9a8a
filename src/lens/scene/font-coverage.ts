/** Which characters a font has, by code point; from the `cmap` table of an OpenType file. Throws a RangeError for what is none. */
export function readCoverage(font: Uint8Array): (codePoint: number) => boolean {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength)
  const table = tableOffset(view, 'cmap')
  const groups = groupsOf(view, table + segmentedOffset(view, table))
  return (codePoint) => groups.some(({ first, last }) => codePoint >= first && codePoint <= last)
}

interface Group { readonly first: number; readonly last: number }

const TABLES_START = 12
const TABLE_BYTES = 16

function tableOffset(view: DataView, name: string): number {
  const tag = [...name].reduce((code, letter) => code * 256 + letter.charCodeAt(0), 0)
  for (let i = 0; i < view.getUint16(4); i++) {
    const entry = TABLES_START + i * TABLE_BYTES
    if (view.getUint32(entry) === tag) return view.getUint32(entry + 8)
  }
  throw new RangeError(`the font has no ${name}`)
}

/** Of the subtable that covers all of Unicode. */
function segmentedOffset(view: DataView, table: number): number {
  for (let i = 0; i < view.getUint16(table + 2); i++) {
    const offset = view.getUint32(table + 8 + i * 8)
    if (view.getUint16(table + offset) === 12) return offset
  }
  throw new RangeError('the font has no segmented coverage')
}

function groupsOf(view: DataView, start: number): readonly Group[] {
  return Array.from({ length: view.getUint32(start + 12) }, (_, i) => ({ first: view.getUint32(start + 16 + i * 12), last: view.getUint32(start + 20 + i * 12) }))
}
