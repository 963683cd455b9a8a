import { expect, test } from 'vitest'
import { codeOf, createRequest, openRig, type Rig } from '../../test/support/character-rig.ts'
import { createLocalNotices } from '../db/notices.ts'
import { AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'
import { CharacterEnds } from './character-ends.ts'

const NEVER_MS = 600_000
const log = createLog({ level: 'silent' })

/** A character that is accepted, and then made without a word to who waits. */
async function openQuiet(recheckMs: number) {
  const rig = await openRig({ role: 'api' })
  const notices = createLocalNotices()
  const ends = new CharacterEnds({ db: rig.db, notices, log, recheckMs })
  const { id } = await rig.characters.create(createRequest())
  const make = (): Promise<void> => rig.work.handler.run({ id, traceId: null, isLate: false, signal: new AbortController().signal })
  return {
    rig, notices, ends, id, make,
    [Symbol.asyncDispose]: async () => {
      await ends.drain({ graceMs: 0 })
      await rig[Symbol.asyncDispose]()
    },
  }
}

const tell = (rig: Rig, notices: ReturnType<typeof createLocalNotices>, objectId: string): Promise<void> => notices.tell(rig.db, { account: 'local', objectId })

test('who waits hears of the end, and of none that is not there', async () => {
  await using quiet = await openQuiet(NEVER_MS)
  const { rig, notices, ends, id, make } = quiet
  const end = ends.of(id)
  expect(ends.of(id)).toBe(end)
  await tell(rig, notices, id)
  await make()
  await tell(rig, notices, 'char_of_somebody_else')
  expect(await Promise.race([end, new Promise((resolve) => { setTimeout(resolve, 50, 'waits') })])).toBe('waits')
  await tell(rig, notices, id)
  expect(await end).toMatchObject({ id })
})

test('an end that no notice came of is found all the same', async () => {
  await using quiet = await openQuiet(20)
  const { ends, id, make } = quiet
  const end = ends.of(id)
  await make()
  expect(await end).toMatchObject({ id })
})

test('what the row cannot tell reaches who waits, and who comes meanwhile', async () => {
  await using quiet = await openQuiet(NEVER_MS)
  const { ends, id } = quiet
  const end = ends.of(id)
  ends.begin(id)
  ends.tell(id, new AppError('storage_full'))
  expect([await codeOf(end), await codeOf(ends.of(id))]).toEqual(['storage_full', 'storage_full'])
  ends.finish(id)
  const again = ends.of(id)
  await ends.drain({ graceMs: 10 })
  expect([await codeOf(again), await codeOf(ends.of(id))]).toEqual(['shutting_down', 'shutting_down'])
})

test('a character that is gone before anybody looked is not waited for', async () => {
  await using quiet = await openQuiet(20)
  const { rig, ends, id, make } = quiet
  await make()
  await rig.characters.remove('local', id, { isPurge: true })
  expect(await codeOf(ends.of(id))).toBe('character_not_found')
})
