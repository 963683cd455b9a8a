import type { IdentityVector } from '../domain/character.ts'
import type { Database } from './database.ts'

/** Keeps a character's vectors as 32 bit floats, least significant byte first. */
export async function insertVectors(db: Database, characterId: string, vectors: readonly IdentityVector[]): Promise<void> {
  await db.insertInto('vectors').values(vectors.map(({ model, of, values }) => ({ character_id: characterId, model, of, bytes: bytesOf(values) }))).execute()
}

function bytesOf(values: Float32Array): Uint8Array {
  const bytes = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, index) => bytes.setFloat32(index * 4, value, true))
  return new Uint8Array(bytes.buffer)
}
