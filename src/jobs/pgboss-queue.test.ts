import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { add, addAll, jobOf, jobQueueSuite, namesOf, record, untilStopped, type QueueUnderTest } from '../../test/suites/job-queue-suite.ts'
import { openTestDatabase } from '../../test/support/databases.ts'
import { openDatabase, type Database } from '../db/database.ts'
import type { AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'
import type { QueueOptions } from './job-queue.ts'
import { openPgBoss } from './pgboss-queue.ts'

const log = createLog({ level: 'silent' })
const OPTIONS: QueueOptions = { concurrency: 2, mostWaiting: 100, deadlineMs: 60_000, onDeadline: () => new Error('it took too long') }

const hurry = async (db: Database): Promise<void> => { await sql`update pgboss.job set start_after = now() where state = 'retry'`.execute(db) }

interface Rig extends QueueUnderTest { readonly url: string }

async function start(): Promise<Rig> {
  const stack = new AsyncDisposableStack()
  const { db, place } = stack.use(await openTestDatabase('postgres'))
  const url = 'url' in place ? place.url : ''
  return {
    db, url,
    open: async (options) => stack.use(await openPgBoss({ url, db, log, random: options.random })).queue('lenses', options),
    hurry: () => hurry(db),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const open = ({ open: openQueue }: Rig, options: Partial<QueueOptions> = {}) => openQueue({ ...OPTIONS, ...options, random: () => 0.5 })

/** A process of its own that holds what it takes; what it says, and how to stop it in its tracks. */
function startWorker(url: string) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../test/fixtures/holding-worker.ts'), url], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  createInterface(child.stdout).on('line', (line) => said.push(line))
  const ended = once(child, 'exit')
  return {
    said, kill: (signal: NodeJS.Signals) => child.kill(signal),
    [Symbol.asyncDispose]: async () => { child.kill('SIGKILL'); await ended },
  }
}

describe.skipIf(inject('postgresUrl') === null)('pg-boss', () => {
  jobQueueSuite({ start, can: { share: true } })

  test('several processes may make its tables at once', async () => {
    await using rig = await start()
    const queues = await Promise.all(Array.from({ length: 4 }, () => open(rig)))
    const recorder = record()
    await queues[3].work(recorder.handlers)
    await add(rig.db, queues[0], jobOf('a'))
    await expect.poll(() => namesOf(recorder)).toEqual(['a'])
  })

  test('queues of one pg-boss know nothing of each other', async () => {
    await using rig = await start()
    await using boss = await openPgBoss({ url: rig.url, db: rig.db, log })
    const [lenses, videos] = [await boss.queue('lenses', { ...OPTIONS, mostWaiting: 1 }), await boss.queue('videos', OPTIONS)]
    const [one, two] = [record(), record()]
    await add(rig.db, lenses, jobOf('a'))
    await addAll(rig.db, videos, [jobOf('b'), jobOf('c')])
    expect([await lenses.figures(), await videos.figures()]).toEqual([{ waiting: 1, running: 0 }, { waiting: 2, running: 0 }])
    await lenses.work(one.handlers)
    await videos.work(two.handlers)
    await expect.poll(() => [namesOf(one), namesOf(two).toSorted()]).toEqual([['a'], ['b', 'c']])
    await Promise.all([lenses.drain({ graceMs: 100 }), videos.drain({ graceMs: 100 })])
  })

  test('a refusal is repeated without a look at the database', async () => {
    await using rig = await start()
    const queue = await open(rig, { mostWaiting: 1 })
    await add(rig.db, queue, jobOf('a'))
    await expect(add(rig.db, queue, jobOf('b'))).rejects.toMatchObject({ code: 'queue_full' })
    await sql`delete from pgboss.job`.execute(rig.db)
    await expect(add(rig.db, queue, jobOf('b'))).rejects.toMatchObject({ code: 'queue_full' })
    await sleep(120)
    await add(rig.db, queue, jobOf('b'))
  })

  test('nothing waits for a second connection while it holds one', async () => {
    await using rig = await start()
    await using db = await openDatabase({ url: rig.url, poolSize: 1 })
    await using boss = await openPgBoss({ url: rig.url, db, log })
    const queue = await boss.queue('lenses', { ...OPTIONS, mostWaiting: 1 })
    await add(db, queue, jobOf('a'))
    await expect(add(db, queue, jobOf('b'))).rejects.toMatchObject({ code: 'queue_full' })
    await queue.drain({ graceMs: 0 })
  })

  test('a server that cannot be reached is told at once', async () => {
    await using rig = await start()
    await expect(openPgBoss({ url: 'postgres://nobody@127.0.0.1:1/none', db: rig.db, log })).rejects.toMatchObject({ name: 'DatabaseUnusable' })
  })

  test('workers come back by themselves when the server has cut every connection', async () => {
    await using rig = await start()
    const queue = await open(rig)
    const gate = Promise.withResolvers<void>()
    const recorder = record(({ id }) => (id === 'char_during' ? gate.promise : sleep(1)))
    await queue.work(recorder.handlers)
    await add(rig.db, queue, jobOf('during'))
    await expect.poll(() => namesOf(recorder)).toEqual(['during'])
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.execute(rig.db)
    gate.resolve()
    await expect.poll(() => add(rig.db, queue, jobOf('behind')).then(() => 'added', (error: AppError) => error.code)).toBe('added')
    await expect.poll(() => namesOf(recorder), { timeout: 5000 }).toContain('behind')
    await expect.poll(() => queue.figures(), { timeout: 10_000 }).toEqual({ waiting: 0, running: 0 })
  })

  describe.concurrent('leases', () => {
    test('a job that the database gave to another is stopped where it was', async ({ expect }) => {
      await using rig = await start()
      const queue = await open(rig)
      const stops: unknown[] = []
      const recorder = record(({ signal }) => (recorder.turns.length > 1 ? sleep(1) : untilStopped(signal).catch((reason) => { stops.push(reason.name) })))
      await queue.work(recorder.handlers)
      await add(rig.db, queue, jobOf('a'))
      await expect.poll(() => namesOf(recorder), { timeout: 5000 }).toEqual(['a'])
      await sql`update pgboss.job set state = 'retry', start_after = now()`.execute(rig.db)
      await expect.poll(() => stops, { timeout: 6000 }).toEqual(['LeaseLost'])
      await expect.poll(() => queue.figures(), { timeout: 5000 }).toEqual({ waiting: 0, running: 0 })
      expect(namesOf(recorder)).toEqual(['a', 'a'])
    })

    test('a job whose process is stopped or killed is done by another; the stopped one finds out as soon as it goes on, and changes nothing', async ({ expect }) => {
      await using rig = await start()
      const queue = await open(rig)
      await using stopped = startWorker(rig.url)
      await add(rig.db, queue, jobOf('a'))
      await expect.poll(() => stopped.said, { timeout: 10_000 }).toEqual(['took char_a'])
      await using killed = startWorker(rig.url)
      stopped.kill('SIGSTOP')
      await add(rig.db, queue, jobOf('b'))
      await expect.poll(() => killed.said, { timeout: 10_000 }).toEqual(['took char_b'])
      killed.kill('SIGKILL')
      const gate = Promise.withResolvers<void>()
      const recorder = record(() => gate.promise)
      const began = performance.now()
      await queue.work(recorder.handlers)
      await expect.poll(() => namesOf(recorder).toSorted(), { timeout: 25_000 }).toEqual(['a', 'b'])
      expect(performance.now() - began).toBeGreaterThan(3000)
      stopped.kill('SIGCONT')
      await expect.poll(() => stopped.said, { timeout: 3000 }).toEqual(['took char_a', 'stopped char_a LeaseLost'])
      await sleep(500)
      expect(await queue.figures()).toEqual({ waiting: 0, running: 2 })
      gate.resolve()
      await expect.poll(() => queue.figures(), { timeout: 5000 }).toEqual({ waiting: 0, running: 0 })
      expect([recorder.turns.length, stopped.said.length]).toEqual([2, 2])
    }, 60_000)

    test('a process that the database cannot be reached from stops what it does before another may begin it', async ({ expect }) => {
      await using rig = await start()
      const queue = await open(rig)
      const stops: unknown[] = []
      const recorder = record(({ signal }) => (recorder.turns.length > 1 ? sleep(1) : untilStopped(signal).catch((reason) => { stops.push(reason.name) })))
      await queue.work(recorder.handlers)
      await add(rig.db, queue, jobOf('a'))
      await expect.poll(() => namesOf(recorder)).toEqual(['a'])
      // Its statements wait, as they do on a network that swallows them.
      const gate = Promise.withResolvers<void>()
      const locked = rig.db.transaction().execute(async (trx) => {
        await sql`lock table pgboss.job in access exclusive mode`.execute(trx)
        await gate.promise
      })
      const began = performance.now()
      await expect.poll(() => stops, { timeout: 12_000 }).toEqual(['LeaseLost'])
      expect(performance.now() - began).toBeLessThan(10_000)
      gate.resolve()
      await locked
      await expect.poll(() => namesOf(recorder), { timeout: 10_000 }).toEqual(['a', 'a'])
    }, 30_000)
  })
})
