import { expect, test } from 'vitest'
import type { Notice } from '../../src/db/notices.ts'
import type { TestDatabase } from '../support/databases.ts'

/** The contract of {@link Notices}. */
export function noticesSuite({ open }: { readonly open: () => Promise<TestDatabase> }): void {
  test('what is told in a transaction is heard by all, also elsewhere, in order, until they stop hearing', async () => {
    await using tested = await open()
    const another = await tested.another()
    const heard: Record<'here' | 'there' | 'briefly', (Notice | 'all')[]> = { here: [], there: [], briefly: [] }
    tested.notices.hear((notice) => heard.here.push(notice))
    another.notices.hear((notice) => heard.there.push(notice))
    const stop = another.notices.hear((notice) => heard.briefly.push(notice))
    const first = { account: 'studio', objectId: 'char_1' }
    const second = { account: 'studio', objectId: 'video_2' }
    await tested.db.transaction().execute((trx) => tested.notices.tell(trx, first))
    await expect.poll(() => heard).toEqual({ here: [first], there: [first], briefly: [first] })
    stop()
    await another.db.transaction().execute((trx) => another.notices.tell(trx, second))
    await expect.poll(() => heard).toEqual({ here: [first, second], there: [first, second], briefly: [first] })
  })

  test('who hears it finds what was written with it', async () => {
    await using tested = await open()
    const another = await tested.another()
    const found = Promise.withResolvers<unknown>()
    another.notices.hear(() => found.resolve(another.db.selectFrom('chores').select('name').execute()))
    await tested.db.transaction().execute(async (trx) => {
      await tested.notices.tell(trx, { account: 'studio', objectId: 'char_1' })
      await trx.insertInto('chores').values({ name: 'written', done_at: 0 }).execute()
    })
    expect(await found.promise).toEqual([{ name: 'written' }])
  })

  test('nothing is heard once it is closed', async () => {
    await using tested = await open()
    const another = await tested.another()
    const heard: unknown[] = []
    another.notices.hear((notice) => heard.push(notice))
    await another.notices[Symbol.asyncDispose]()
    await tested.db.transaction().execute((trx) => tested.notices.tell(trx, { account: 'studio', objectId: 'char_1' }))
    await tested.db.selectFrom('chores').select('name').execute()
    expect(heard).toEqual([])
  })
}
