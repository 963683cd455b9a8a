import type { IdentityVector } from '../domain/character.ts'
import type { Database } from './database.ts'

/** Keeps a character's vectors as 32 bit floats, least significant byte first. */
export async function insertVectors(db: Database, characterId: string, vectors: readonly IdentityVector[]): Promise<void> {
  await db.insertInto('vectors').values(vectors.map(({ model, of, values }) => ({ character_id: characterId, model, of, bytes: bytesOf(values) }))).execute()
}

/** The vectors of each of these characters that has some. */
export async function listVectors(db: Database, characterIds: readonly string[]): Promise<ReadonlyMap<string, readonly IdentityVector[]>> {
  const found = new Map<string, IdentityVector[]>()
  if (characterIds.length === 0) return found
  const rows = await db.selectFrom('vectors').selectAll().where('character_id', 'in', [...characterIds]).orderBy('character_id').orderBy('model').orderBy('of', 'desc').execute()
  for (const { character_id: id, model, of, bytes } of rows) {
    const vectors = found.get(id) ?? []
    found.set(id, vectors)
    vectors.push({ model, of: of as IdentityVector['of'], values: floatsOf(bytes) }) // only insertVectors writes it
  }
  return found
}

function bytesOf(values: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, index) => bytes.setFloat32(index * 4, value, true))
  return new Uint8Array(bytes.buffer)
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true))
}
