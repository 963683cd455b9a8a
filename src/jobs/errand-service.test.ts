import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { sql } from 'kysely'
import type { Database, DatabasePlace } from '../db/database.ts'
import { findErrand } from '../db/errand-rows.ts'
import { AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'
import { untilStopped } from '../../test/suites/job-queue-suite.ts'
import { DATABASES, openTestDatabase, type DatabaseKind, type TestDatabase } from '../../test/support/databases.ts'
import { createEmbeddedQueue } from './embedded-queue.ts'
import { createErrands } from './errand-service.ts'
import type { DoErrand, Errand, Errands } from './errands.ts'
import type { JobQueue, QueueOptions } from './job-queue.ts'
import { openPgBoss } from './pgboss-queue.ts'

const log = createLog({ level: 'silent' })
const OPTIONS: QueueOptions = { concurrency: 1, mostWaiting: 2, deadlineMs: 10_000, onDeadline: () => new AppError('lens_failed', { details: { reason: 'deadline' } }) }
const { signal } = new AbortController()
const patient = { signal, patienceMs: 10_000 }

interface Side { readonly db: Database; readonly queue: JobQueue; readonly errands: Errands }

/** Who asks, and who does what is asked. */
interface Sides extends AsyncDisposable { readonly asker: Side; readonly worker: Side }

type OpenQueue = (side: { readonly db: Database; readonly place: DatabasePlace }, options: QueueOptions) => Promise<{ readonly queue: JobQueue } & AsyncDisposable>

async function begin(kind: DatabaseKind, openQueue: OpenQueue, kinds: Readonly<Record<string, DoErrand>> | null, options: Partial<QueueOptions> = {}): Promise<Sides> {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await openTestDatabase(kind))
  const openSide = async ({ db, notices }: Pick<TestDatabase, 'db' | 'notices'>): Promise<Side> => {
    const { queue } = stack.use(await openQueue({ db, place: database.place }, { ...OPTIONS, ...options }))
    stack.defer(() => queue.drain({ graceMs: 0 }))
    return { db, queue, errands: createErrands({ db, queue, notices, clock: Date.now, log }) }
  }
  const asker = await openSide(database)
  const worker = await openSide(await database.another())
  if (kinds) await worker.queue.work({ errand: worker.errands.handler(kinds) })
  return { asker, worker, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** Both sides in one process, though each with connections of its own. */
function beginTogether(kind: DatabaseKind, kinds: Readonly<Record<string, DoErrand>> | null, options: Partial<QueueOptions> = {}): Promise<Sides> {
  const queue = createEmbeddedQueue({ ...OPTIONS, ...options })
  return begin(kind, async () => ({ queue, [Symbol.asyncDispose]: async () => {} }), kinds)
}

const beginApart = (kinds: Readonly<Record<string, DoErrand>> | null): Promise<Sides> => begin('postgres', async ({ db, place }, options) => {
  const boss = await openPgBoss({ url: 'url' in place ? place.url : '', db, log })
  return { queue: await boss.queue('lenses', options), [Symbol.asyncDispose]: () => boss[Symbol.asyncDispose]() }
}, kinds)

const errandOf = (request: unknown, kind = 'look'): Errand => ({ kind, account: 'acme', request, traceId: 'req_1' })

const countRows = async (db: Database): Promise<number> => (await db.selectFrom('errands').select('id').execute()).length

describe.each(DATABASES)('errands on %s', (kind) => {
  test('who asks gets the answer of who does it, of a few megabytes too, and nothing is kept', async () => {
    await using begun = await beginTogether(kind, { look: async ({ account, request }) => ({ account, request, pixels: 'x'.repeat(3_000_000), nothing: null }) })
    const answer = await begun.asker.errands.ask(errandOf({ at: [1, 2] }), patient)
    expect(answer).toEqual({ account: 'acme', request: { at: [1, 2] }, pixels: 'x'.repeat(3_000_000), nothing: null })
    expect(await countRows(begun.asker.db)).toBe(0)
  })

  test('an answer comes at once, not at the next look', async () => {
    await using begun = await beginTogether(kind, { look: async () => 1 })
    await begun.asker.errands.ask(errandOf({}), patient)
    const began = performance.now()
    for (let n = 0; n < 5; n++) await begun.asker.errands.ask(errandOf({}), patient)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('it rejects with what doing it rejects with; a bug is an internal error', async () => {
    await using begun = await beginTogether(kind, {
      look: async () => { throw new AppError('subject_not_found', { param: 'subject', details: { subjects: ['a', 'b'] } }) },
      bug: async () => { throw new TypeError('undefined is not a function') },
    })
    await expect(begun.asker.errands.ask(errandOf({}), patient)).rejects.toMatchObject({ code: 'subject_not_found', param: 'subject', details: { subjects: ['a', 'b'] } })
    await expect(begun.asker.errands.ask(errandOf({}, 'bug'), patient)).rejects.toMatchObject({ code: 'internal_error' })
    expect(await countRows(begun.asker.db)).toBe(0)
  })

  test('a full queue refuses it', async () => {
    await using begun = await beginTogether(kind, { look: (_, { signal: stopped }) => untilStopped(stopped) }, { mostWaiting: 1 })
    const leaving = new AbortController()
    const asked = [1, 2].map(() => begun.asker.errands.ask(errandOf({}), { signal: leaving.signal, patienceMs: 10_000 }))
    const settled = Promise.allSettled(asked)
    await expect.poll(() => countRows(begun.asker.db)).toBe(2)
    await expect(begun.asker.errands.ask(errandOf({}), patient)).rejects.toMatchObject({ code: 'queue_full' })
    leaving.abort()
    await settled
    expect(await countRows(begun.asker.db)).toBe(0)
  })

  test('who leaves ends it: what runs is stopped, what waits is not begun', async () => {
    const begunWith: unknown[] = []
    const stops: unknown[] = []
    await using begun = await beginTogether(kind, {
      look: async ({ request }, { signal: stopped }) => {
        begunWith.push(request)
        if (request === 'third') return 'done'
        return await untilStopped(stopped).catch((reason) => { stops.push(reason); throw reason })
      },
    })
    const leaving = [new AbortController(), new AbortController()]
    const first = begun.asker.errands.ask(errandOf('first'), { signal: leaving[0].signal, patienceMs: 10_000 })
    await expect.poll(() => begunWith).toEqual(['first'])
    const second = begun.asker.errands.ask(errandOf('second'), { signal: leaving[1].signal, patienceMs: 10_000 })
    await expect.poll(() => countRows(begun.asker.db)).toBe(2)
    const third = begun.asker.errands.ask(errandOf('third'), patient)
    leaving[1].abort(new Error('the second left'))
    await expect(second).rejects.toThrow('the second left')
    leaving[0].abort(new Error('the first left'))
    await expect(first).rejects.toThrow('the first left')
    expect(await third).toBe('done')
    expect([begunWith, stops.length]).toEqual([['first', 'third'], 1])
  })

  test('who leaves makes room at once, not at the next look', async () => {
    let begunWith = 0
    await using begun = await beginTogether(kind, { look: async (_, { signal: stopped }) => { begunWith++; await untilStopped(stopped) } })
    const began = performance.now()
    for (let n = 1; n <= 6; n++) {
      const leaving = new AbortController()
      const asked = begun.asker.errands.ask(errandOf({}), { signal: leaving.signal, patienceMs: 10_000 })
      void asked.catch(() => {})
      await expect.poll(() => begunWith, { interval: 10, timeout: 3000 }).toBe(n)
      leaving.abort(new Error('gone'))
      await expect(asked).rejects.toThrow('gone')
    }
    expect(performance.now() - began).toBeLessThan(5000)
  })

  test('what waited longer than its patience is not begun', async () => {
    const begunWith: unknown[] = []
    await using begun = await beginTogether(kind, { look: async ({ request }) => { begunWith.push(request); await sleep(500) } })
    const first = begun.asker.errands.ask(errandOf('first'), patient)
    await expect.poll(() => begunWith).toEqual(['first'])
    await expect(begun.asker.errands.ask(errandOf('second'), { signal, patienceMs: 100 })).rejects.toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 5 } })
    await first
    expect(begunWith).toEqual(['first'])
  })

  test('one that takes too long rejects with the error of the deadline', async () => {
    await using begun = await beginTogether(kind, { look: (_, { signal: stopped }) => untilStopped(stopped) }, { deadlineMs: 200 })
    await expect(begun.asker.errands.ask(errandOf({}), patient)).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'deadline' } })
  })

  test('two tries that were cut off are enough', async () => {
    let tries = 0
    await using begun = await beginTogether(kind, null)
    const { asker, worker } = begun
    const asked = asker.errands.ask(errandOf({}), patient)
    await expect.poll(() => countRows(asker.db)).toBe(1)
    await asker.db.updateTable('errands').set({ attempts: 2 }).execute() // as processes leave it that are killed at it
    await worker.queue.work({ errand: worker.errands.handler({ look: async () => { tries++ } }) })
    await expect(asked).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'service_stopped' } })
    expect(tries).toBe(0)
  })

  test('one that is given up is ended', async () => {
    await using begun = await beginTogether(kind, null)
    const { asker, worker } = begun
    const asked = asker.errands.ask(errandOf({}), patient)
    void asked.catch(() => {})
    await expect.poll(() => countRows(asker.db)).toBe(1)
    const { id } = await asker.db.selectFrom('errands').select('id').executeTakeFirstOrThrow()
    await worker.errands.handler({}).giveUp(id)
    await expect(asked).rejects.toMatchObject({ code: 'lens_failed' })
  })

  test('an answer that comes behind the end of its try changes nothing', async () => {
    const late = Promise.withResolvers<string>()
    await using begun = await beginTogether(kind, { look: () => late.promise })
    const { asker } = begun
    const asked = asker.errands.ask(errandOf({}), { signal: AbortSignal.timeout(1500), patienceMs: 10_000 })
    void asked.catch(() => {})
    await expect.poll(async () => (await asker.db.selectFrom('errands').select('attempts').execute()).map(({ attempts }) => attempts)).toEqual([1])
    const { id } = await asker.db.selectFrom('errands').select('id').executeTakeFirstOrThrow()
    await asker.db.updateTable('errands').set({ attempts: 2 }).execute() // another process has it
    late.resolve('late')
    await sleep(200)
    expect(await findErrand(asker.db, id)).toMatchObject({ status: 'queued', answer: null })
    await expect(asked).rejects.toThrow(/timeout/)
  })

  test('who waits in a process that ends is told so', async () => {
    await using begun = await beginTogether(kind, null)
    const { asker } = begun
    const asked = asker.errands.ask(errandOf({}), patient)
    void asked.catch(() => {})
    await expect.poll(() => countRows(asker.db)).toBe(1)
    await asker.queue.drain({ graceMs: 100 })
    await asker.errands.drain()
    await expect(asked).rejects.toMatchObject({ code: 'shutting_down' })
    await expect(asker.errands.ask(errandOf({}), patient)).rejects.toMatchObject({ code: 'shutting_down' })
    expect(await countRows(asker.db)).toBe(0)
  })

  test('old ones that nobody waits for are forgotten', async () => {
    await using begun = await beginTogether(kind, null)
    const { asker } = begun
    const old = { account: 'acme', kind: 'look', status: 'queued', attempts: 0, request: '{}', trace_id: null } as const
    await asker.db.insertInto('errands').values({ ...old, id: 'errand_old', created_at: Date.now() - 25 * 3_600_000 }).execute()
    const leaving = new AbortController()
    const asked = asker.errands.ask(errandOf({}), { signal: leaving.signal, patienceMs: 10_000 })
    await expect.poll(() => countRows(asker.db)).toBe(2)
    await asker.errands.forgetOld()
    expect((await asker.db.selectFrom('errands').select('id').execute()).map(({ id }) => id)).toEqual([expect.not.stringContaining('errand_old')])
    leaving.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
  })
})

describe.runIf(DATABASES.includes('postgres'))('errands over processes', () => {
  test('who asks gets the answer of who does it', async () => {
    await using begun = await beginApart({ look: async ({ request }) => request })
    expect(await begun.asker.errands.ask(errandOf({ at: 1 }), patient)).toEqual({ at: 1 })
    const began = performance.now()
    for (let n = 0; n < 5; n++) await begun.asker.errands.ask(errandOf({}), patient)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  test('one whose process ends while it is at it is done by another, and the try does not count', async () => {
    await using begun = await beginApart({ look: (_, { signal: stopped }) => untilStopped(stopped) })
    const { asker, worker } = begun
    const asked = asker.errands.ask(errandOf({}), patient)
    await expect.poll(async () => (await asker.db.selectFrom('errands').select('attempts').execute()).map(({ attempts }) => attempts)).toEqual([1])
    await worker.queue.drain({ graceMs: 10 })
    expect(await asker.db.selectFrom('errands').select(['attempts', 'status']).execute()).toEqual([{ attempts: 0, status: 'queued' }])
    await asker.queue.work({ errand: asker.errands.handler({ look: async () => 'done elsewhere' }) })
    expect(await asked).toBe('done elsewhere')
  })

  test('who waits through an outage of the database gets the answer behind it', async () => {
    const gate = Promise.withResolvers<string>()
    await using begun = await beginApart({ look: () => gate.promise })
    const { asker } = begun
    const asked = asker.errands.ask(errandOf({}), patient)
    await expect.poll(async () => (await asker.db.selectFrom('errands').select('attempts').execute()).map(({ attempts }) => attempts)).toEqual([1])
    await asker.db.transaction().execute(async (trx) => {
      await sql`lock table errands in access exclusive mode`.execute(trx) // a look waits here until its connection is cut
      await sleep(1300)
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(trx)
    })
    gate.resolve('answer')
    expect(await asked).toBe('answer')
  })
})
