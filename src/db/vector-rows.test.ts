import { expect, test } from 'vitest'
import type { IdentityVector } from '../domain/character.ts'
import { openDatabase } from './database.ts'
import { insertVectors, listVectors } from './vector-rows.ts'

const vector = (of: IdentityVector['of'], ...values: readonly number[]): IdentityVector => ({ model: 'face', of, values: Float32Array.from(values) })

test('vectors are read back as they were kept, for the characters asked for', async () => {
  await using db = await openDatabase({ file: ':memory:' })
  const ada = [vector('track-mean', 0.1, -1e-30, 3), vector('best-frame', 7)]
  for (const id of ['ada', 'ben', 'cy']) {
    await db.insertInto('characters').values({ id, account: 'studio', status: 'completed', progress: 100, attempts: 1, fingerprint: id, is_forced: 0, created_at: 0, updated_at: 0 }).execute()
  }
  await insertVectors(db, 'ada', ada)
  await insertVectors(db, 'ben', [vector('references-mean', 1)])
  await insertVectors(db, 'cy', [vector('references-mean', 2)])
  const found = await listVectors(db, ['ada', 'ben', 'nobody'])
  expect([...found.keys()].toSorted()).toEqual(['ada', 'ben'])
  expect(found.get('ada')).toEqual(ada)
  expect(await listVectors(db, [])).toEqual(new Map())
})
