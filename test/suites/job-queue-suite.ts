import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { Handler, Job, JobQueue, QueueOptions, Turn } from '../../src/jobs/job-queue.ts'

export interface QueueUnderTest extends AsyncDisposable {
  readonly db: Database
  /** As a process of its own would have it, on the same database. */
  open(options: QueueOptions & { readonly random: () => number }): Promise<JobQueue>
  /** What is to be tried again later is due now. */
  hurry(): Promise<void>
}

export interface JobQueueSuiteOptions {
  start(): Promise<QueueUnderTest>
  readonly can: {
    /** The jobs of a process that ends are done by the others, and those of one that only adds them too. */
    readonly share: boolean
  }
}

const LIMIT_MS = 15_000

export const ofDeadline = new Error('it took too long')
const OPTIONS = { concurrency: 1, mostWaiting: 100, deadlineMs: 20_000, onDeadline: () => ofDeadline, random: () => 0.5 }

export const jobOf = (name: string, more: Partial<Job> = {}): Job => ({ id: `char_${name}`, account: 'acme', traceId: `req_${name}`, ...more })
export const nameOf = (id: string): string => id.slice(5)

/** The transaction that writes the row, and what comes behind it. */
export async function add(db: Database, queue: JobQueue, job: Job): Promise<void> {
  const claim = await db.transaction().execute((trx) => queue.claim(trx, job))
  claim.start()
}

export async function addAll(db: Database, queue: JobQueue, jobs: readonly Job[]): Promise<void> {
  for (const job of jobs) await add(db, queue, job)
}

export const untilStopped = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })

export interface Recorder { readonly handlers: Readonly<Record<string, Handler>>; readonly turns: Turn[]; readonly givenUp: string[]; most: number }

/** Handlers that note whose turn came, and how many at once. */
export function record(run: (turn: Turn) => Promise<unknown> = async () => {}, giveUp: (id: string) => Promise<void> = async () => {}): Recorder {
  let running = 0
  const recorder: Recorder = {
    turns: [], givenUp: [], most: 0,
    handlers: {
      char: {
        run: async (turn) => {
          recorder.turns.push(turn)
          recorder.most = Math.max(recorder.most, ++running)
          try {
            await run(turn)
          } finally {
            running--
          }
        },
        giveUp: async (id) => {
          recorder.givenUp.push(nameOf(id))
          await giveUp(id)
        },
      },
    },
  }
  return recorder
}

export const namesOf = ({ turns }: Recorder): string[] => turns.map(({ id }) => nameOf(id))

/** The contract of {@link JobQueue}, for each of its engines. */
export function jobQueueSuite({ start, can }: JobQueueSuiteOptions): void {
  const begin = async (options: Partial<typeof OPTIONS> = {}) => {
    const tested = await start()
    const queue = await tested.open({ ...OPTIONS, ...options })
    return { ...tested, queue, [Symbol.asyncDispose]: async () => { await queue.drain({ graceMs: 0 }); await tested[Symbol.asyncDispose]() } }
  }

  test('a job is done once, and knows who asked for it', async () => {
    await using begun = await begin()
    const { db, queue } = begun
    const recorder = record()
    await queue.work(recorder.handlers)
    await add(db, queue, jobOf('a', { traceId: 'req_1' }))
    await expect.poll(() => recorder.turns).toMatchObject([{ id: 'char_a', traceId: 'req_1', isLate: false }])
    await expect.poll(() => queue.figures(), { timeout: 3000 }).toEqual({ waiting: 0, running: 0 })
    await sleep(1200)
    expect(namesOf(recorder)).toEqual(['a'])
  })

  test('what was claimed in a transaction that is rolled back is never done', async () => {
    await using begun = await begin()
    const { db, queue } = begun
    const recorder = record()
    await queue.work(recorder.handlers)
    const written = db.transaction().execute(async (trx) => {
      const claim = await queue.claim(trx, jobOf('never'))
      claim.withdraw()
      throw new Error('the row could not be written')
    })
    await expect(written).rejects.toThrow('the row could not be written')
    await add(db, queue, jobOf('after'))
    await expect.poll(() => namesOf(recorder)).toEqual(['after'])
    await expect.poll(() => queue.figures(), { timeout: 3000 }).toEqual({ waiting: 0, running: 0 })
  })

  test('jobs of an account are done in the order they came', async () => {
    await using begun = await begin()
    const { db, queue } = begun
    const recorder = record(() => sleep(5))
    const names = Array.from({ length: 12 }, (_, n) => `${n}`)
    await addAll(db, queue, names.slice(0, 6).map((name) => jobOf(name)))
    await queue.work(recorder.handlers)
    await addAll(db, queue, names.slice(6).map((name) => jobOf(name)))
    await expect.poll(() => namesOf(recorder), { timeout: LIMIT_MS }).toEqual(names)
  })

  test('as many run as may', async () => {
    await using begun = await begin({ concurrency: 3 })
    const { db, queue } = begun
    const recorder = record(() => sleep(40))
    await addAll(db, queue, Array.from({ length: 12 }, (_, n) => jobOf(`${n}`)))
    await queue.work(recorder.handlers)
    await expect.poll(() => recorder.turns.length, { timeout: LIMIT_MS }).toBe(12)
    expect(recorder.most).toBe(3)
  })

  test('one with many jobs does not keep the first of another waiting behind all of them', async () => {
    await using begun = await begin()
    const { db, queue } = begun
    const gates = Array.from({ length: 24 }, () => Promise.withResolvers<void>())
    const recorder = record(() => gates[recorder.turns.length - 1].promise)
    await queue.work(recorder.handlers)
    await addAll(db, queue, Array.from({ length: 21 }, (_, n) => jobOf(`a${n}`)))
    await expect.poll(() => namesOf(recorder)).toEqual(['a0'])
    await addAll(db, queue, [jobOf('b0', { account: 'b' }), jobOf('b1', { account: 'b' })])
    for (const gate of gates) gate.resolve()
    await expect.poll(() => recorder.turns.length, { timeout: LIMIT_MS }).toBe(23)
    const order = namesOf(recorder)
    expect(order.indexOf('b0')).toBeLessThanOrEqual(2)
    expect(order.indexOf('b1')).toBeLessThanOrEqual(4)
    expect(order.filter((name) => name.startsWith('a'))).toEqual(Array.from({ length: 21 }, (_, n) => `a${n}`))
  })

  test('who comes when it is full is refused, with when to come back; but others get a fair share of as many places again', async () => {
    await using begun = await begin({ mostWaiting: 4 })
    const { db, queue } = begun
    const gate = Promise.withResolvers<void>()
    await queue.work(record(() => gate.promise).handlers)
    await add(db, queue, jobOf('running'))
    await expect.poll(() => queue.figures(), { timeout: 3000 }).toEqual({ waiting: 0, running: 1 })
    await addAll(db, queue, ['1', '2', '3', '4'].map((name) => jobOf(name)))
    expect(await queue.refusalOf('b')).toBeNull()
    expect(await queue.refusalOf('acme')).toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 10 } })
    await expect(add(db, queue, jobOf('5'))).rejects.toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 10 } })
    await addAll(db, queue, ['b1', 'b2'].map((name) => jobOf(name, { account: 'b' })))
    await expect(add(db, queue, jobOf('b3', { account: 'b' }))).rejects.toMatchObject({ code: 'queue_full' })
    await addAll(db, queue, ['c1', 'c2'].map((name) => jobOf(name, { account: 'c' })))
    await expect(add(db, queue, jobOf('d1', { account: 'd' }))).rejects.toMatchObject({ code: 'queue_full' })
    gate.resolve()
    await expect.poll(() => queue.figures(), { timeout: LIMIT_MS }).toEqual({ waiting: 0, running: 0 })
    await add(db, queue, jobOf('5'))
  })

  test('when to come back follows from how long jobs take', async () => {
    await using begun = await begin({ mostWaiting: 12 })
    const { db, queue } = begun
    const gate = Promise.withResolvers<void>()
    const recorder = record(({ id }) => (id === 'char_slow' ? gate.promise : sleep(1)))
    await queue.work(recorder.handlers)
    // Alone, one after the other: the guess of before counts less with each.
    for (let n = 0; n < 12; n++) {
      await add(db, queue, jobOf(`quick${n}`))
      await expect.poll(() => namesOf(recorder), { interval: 5 }).toContain(`quick${n}`)
    }
    await add(db, queue, jobOf('slow'))
    await expect.poll(() => namesOf(recorder)).toContain('slow')
    const refusal = await addAll(db, queue, Array.from({ length: 30 }, (_, n) => jobOf(`${n}`))).catch((error) => error)
    expect(refusal).toMatchObject({ code: 'queue_full' })
    expect(refusal.details.retryAfterSeconds).toBeLessThanOrEqual(4)
    gate.resolve()
  })

  test('past the deadline a job is stopped with the error of the deadline, and may bring its row to an end', async () => {
    await using begun = await begin({ deadlineMs: 200 })
    const { db, queue } = begun
    const reasons: unknown[] = []
    const recorder = record(({ id, signal }) => (id === 'char_slow' ? untilStopped(signal).catch((reason) => reasons.push(reason)) : sleep(1)))
    await queue.work(recorder.handlers)
    await addAll(db, queue, [jobOf('slow'), jobOf('next')])
    await expect.poll(() => namesOf(recorder), { timeout: LIMIT_MS }).toEqual(['slow', 'next'])
    expect(reasons).toEqual([ofDeadline])
  })

  test('what was accepted before is taken up again, unbounded, and what is in the queue or under way is left alone', async () => {
    await using begun = await begin({ mostWaiting: 1 })
    const { db, queue } = begun
    const gate = Promise.withResolvers<void>()
    const recorder = record(() => gate.promise)
    await queue.work(recorder.handlers)
    await add(db, queue, jobOf('running'))
    await expect.poll(() => namesOf(recorder)).toEqual(['running'])
    await add(db, queue, jobOf('waiting'))
    const jobs = ['running', 'waiting', 'old1', 'old2', 'old3'].map((name) => jobOf(name))
    await queue.reclaim(jobs)
    await queue.reclaim(jobs)
    gate.resolve()
    await expect.poll(() => queue.figures(), { timeout: LIMIT_MS }).toEqual({ waiting: 0, running: 0 })
    expect(namesOf(recorder)).toEqual(['running', 'waiting', 'old1', 'old2', 'old3'])
  })

  test('figures tell what waits and what runs', async () => {
    await using begun = await begin({ concurrency: 2 })
    const { db, queue } = begun
    const gate = Promise.withResolvers<void>()
    await queue.work(record(() => gate.promise).handlers)
    await addAll(db, queue, ['1', '2', '3', '4', '5'].map((name) => jobOf(name)))
    await expect.poll(() => queue.figures(), { timeout: 3000 }).toEqual({ waiting: 3, running: 2 })
    gate.resolve()
  })

  test('draining refuses what comes, gives what runs its grace, then stops it, and leaves what waits', async () => {
    await using begun = await begin({ concurrency: 2 })
    const { db, queue } = begun
    const ends: unknown[] = []
    const recorder = record(({ id, signal }) => (id === 'char_quick' ? sleep(100).then(() => ends.push('done')) : untilStopped(signal).catch((reason) => { ends.push(reason); throw reason })))
    await queue.work(recorder.handlers)
    await addAll(db, queue, ['quick', 'slow', 'waiting'].map((name) => jobOf(name)))
    await expect.poll(() => namesOf(recorder)).toEqual(['quick', 'slow'])
    await queue.drain({ graceMs: 400 })
    expect(ends).toEqual(['done', expect.objectContaining({ code: 'shutting_down' })])
    expect(namesOf(recorder)).toEqual(['quick', 'slow'])
    await expect(add(db, queue, jobOf('late'))).rejects.toMatchObject({ code: 'shutting_down' })
    await expect(queue.reclaim([jobOf('late')])).rejects.toMatchObject({ code: 'shutting_down' })
  })

  describe.concurrent('in their own time', () => {
    test('one that does not hear that it is stopped loses its place all the same', async ({ expect }) => {
      await using begun = await begin({ deadlineMs: 100 })
      const { db, queue } = begun
      const recorder = record(({ id }) => (id === 'char_deaf' ? new Promise(() => {}) : sleep(1)))
      await queue.work(recorder.handlers)
      await addAll(db, queue, [jobOf('deaf'), jobOf('next')])
      await expect.poll(() => namesOf(recorder), { timeout: LIMIT_MS }).toContain('next')
    })

    test('a job that is handed back is tried again, five times in all; then it is given up, until that succeeds', async ({ expect }) => {
      await using begun = await begin()
      const { db, queue, hurry } = begun
      let failures = 2
      const recorder = record(async () => { throw new Error('not now') }, async () => {
        await queue.reclaim([jobOf('a')])
        if (failures-- > 0) throw new Error('not even that')
      })
      await queue.work(recorder.handlers)
      await add(db, queue, jobOf('a'))
      await expect.poll(async () => { await hurry(); return recorder.givenUp }, { timeout: 50_000, interval: 100 }).toEqual(['a', 'a', 'a'])
      expect(namesOf(recorder)).toEqual(['a', 'a', 'a', 'a', 'a'])
      await sleep(500)
      await hurry()
      await sleep(1200)
      expect([recorder.givenUp.length, await queue.figures()]).toEqual([3, { waiting: 0, running: 0 }])
    }, 60_000)

    test('a job that waited longer than its patience is late', async ({ expect }) => {
      await using begun = await begin()
      const { db, queue } = begun
      const recorder = record(() => sleep(400))
      await queue.work(recorder.handlers)
      await addAll(db, queue, [jobOf('first'), jobOf('impatient', { patienceMs: 200 }), jobOf('patient', { patienceMs: 60_000 })])
      await expect.poll(() => recorder.turns.map(({ isLate }) => isLate), { timeout: LIMIT_MS }).toEqual([false, true, false])
    })
  })

  if (can.share) sharingSuite(begin)
}

type Begin = (options?: Partial<typeof OPTIONS>) => Promise<QueueUnderTest & { readonly queue: JobQueue }>

function sharingSuite(begin: Begin): void {
  test('several share the work, each job done once, and one that only adds does none', async () => {
    await using begun = await begin()
    const { db, queue, open } = begun
    const [one, two] = [record(() => sleep(20)), record(() => sleep(20))]
    const others = await Promise.all([open({ ...OPTIONS, concurrency: 2 }), open({ ...OPTIONS, concurrency: 2 })])
    await Promise.all([others[0].work(one.handlers), others[1].work(two.handlers)])
    const names = Array.from({ length: 20 }, (_, n) => `${n}`)
    await addAll(db, queue, names.map((name) => jobOf(name)))
    await expect.poll(() => queue.figures(), { timeout: LIMIT_MS }).toEqual({ waiting: 0, running: 0 })
    expect([...namesOf(one), ...namesOf(two)].toSorted((a, b) => Number(a) - Number(b))).toEqual(names)
    expect([one.turns.length > 0, two.turns.length > 0, one.most <= 2, two.most <= 2]).toEqual([true, true, true, true])
    await Promise.all(others.map((other) => other.drain({ graceMs: 1000 })))
  })

  test('what a process hands back when it ends is taken at once by another, however often', async () => {
    await using begun = await begin()
    const { db, queue, open } = begun
    await add(db, queue, jobOf('moving'))
    for (let n = 0; n < 6; n++) {
      const process = await open(OPTIONS)
      const recorder = record(({ signal }) => untilStopped(signal))
      await process.work(recorder.handlers)
      await expect.poll(() => namesOf(recorder), { timeout: 1000, message: `process ${n}` }).toEqual(['moving'])
      await process.drain({ graceMs: 10 })
    }
    const recorder = record()
    await queue.work(recorder.handlers)
    await expect.poll(() => namesOf(recorder)).toEqual(['moving'])
    await expect.poll(() => queue.figures(), { timeout: 3000 }).toEqual({ waiting: 0, running: 0 })
  })
}
