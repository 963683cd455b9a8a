import { readStoredFiles } from '../domain/stored-file.ts'
import type { LibraryTable, Row } from './library-tables.ts'

/** An object that a row speaks of; what was given for an unfinished one may come without its facts. */
export interface NamedObject { readonly ownerId: string; readonly key: string; readonly bytes: number | null; readonly sha256: string | null }

const LISTS: Partial<Readonly<Record<LibraryTable, string>>> = { characters: 'media', videos: 'files' }

/** The objects without which the row would be a broken promise. */
export function objectsOf(table: LibraryTable, row: Row): readonly NamedObject[] {
  const list = LISTS[table]
  if (list === undefined) return []
  const ownerId = String(row.id)
  return [
    ...readStoredFiles(ownerId, textOf(row[list])).map(({ key, bytes, sha256 }) => ({ ownerId, key, bytes, sha256 })),
    ...givenOf(ownerId, row).map((key) => ({ ownerId, key, bytes: null, sha256: null })),
  ]
}

const textOf = (value: Row[string]): string | null => (typeof value === 'string' ? value : null)

/** What came with a request that is not done yet, by the addresses and names in it. */
function givenOf(ownerId: string, { status, request }: Row): readonly string[] {
  if (status !== 'queued' && status !== 'in_progress') return []
  const folder = `${ownerId}-given/`
  const keys = new Set<string>()
  const look = (value: unknown): void => {
    if (typeof value === 'string' && value.startsWith(folder)) keys.add(value)
    if (typeof value !== 'object' || value === null) return
    if ('type' in value && value.type === 'kept' && 'name' in value) keys.add(`${folder}${String(value.name)}`)
    for (const inner of Object.values(value)) look(inner)
  }
  look(JSON.parse(textOf(request) ?? 'null'))
  return [...keys]
}
