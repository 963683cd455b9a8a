import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sourceThatSays, obedientLenses, triedJails } from '../../test/support/lenses.ts'
import { AppError } from '../domain/errors.ts'
import { newRequestId } from '../domain/identifier.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { createLog } from '../runtime/log.ts'
import { LensDied } from './lens-died.ts'
import { startLenses, type Lenses } from './lenses.ts'

const MiB = 1024 * 1024
const signal = new AbortController().signal

interface JobOptions { readonly size?: number; readonly deadlineMs?: number }

/** What comes of a job whose source has this as its first line. */
async function outcomeOf(lenses: Lenses, line: string, { size, deadlineMs }: JobOptions): Promise<unknown> {
  await using session = await lenses.open(sourceThatSays(line, size), { signal, ...(deadlineMs && { deadlineMs }) })
  return await session.call('window', { window: null }).catch((error: unknown) => error)
}

const tried = await triedJails()
const working = tried.filter(({ works }) => works).map(({ jail }) => jail)

describe.each(tried)('lenses in $jail.kind', ({ jail, works }) => {
  describe.skipIf(!works)('which this machine has', () => {
    let lenses: Lenses
    beforeAll(async () => {
      lenses = await startLenses({ ...obedientLenses(jail), limits: { dataBytes: 800 * MiB, heapMiB: 64 } })
    })
    afterAll(() => lenses[Symbol.asyncDispose]())

    const outcome = (line: string, options: JobOptions = {}): Promise<unknown> => outcomeOf(lenses, line, options)

    test.each([
      ['crash', /^(SIGABRT|exit 134)/],
      ['leave', /^exit 3$/],
      ['throw', /^exit 1: Error: a decoder gave up$/],
      ['heap', /^(SIGABRT|exit 134): .*heap/],
      ['native', /^(SIG|exit \d)/],
    ])('a lens told to %s is dead, and says why', async (line, reason) => {
      const error = await outcome(line)
      expect(error).toBeInstanceOf(LensDied)
      expect(error).toHaveProperty('reason', expect.stringMatching(reason))
    })

    test('an endless loop ends at its deadline, and the job beside it does not notice', async () => {
      const [stuck, fine] = await Promise.all([outcome('spin', { deadlineMs: 300 }), outcome('behave')])
      expect(stuck).toHaveProperty('reason', 'deadline')
      expect(fine).toHaveProperty('codec', 'fine')
    })

    test('no two jobs share a process', async () => {
      const answers = [await outcome('behave'), await outcome('behave'), await outcome('behave')]
      for (const answer of answers) expect(answer).toHaveProperty('container')
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(3)
    })
  })
})

describe('a job', () => {
  const jail = working[0]
  let lenses: Lenses
  beforeAll(async () => { lenses = await startLenses({ ...obedientLenses(jail), processes: 1, limits: { readBytes: 100_000, reads: 500 } }) })
  afterAll(() => lenses[Symbol.asyncDispose]())
  const outcome = (line: string, options: { size?: number } = {}): Promise<unknown> => outcomeOf(lenses, line, options)

  test.each([
    ['refuse with a code that is not for sources', /^refused window with invalid_api_key$/],
    ['read outside', /^asked for \[0, 1001\) of 1000 bytes$/],
    ['garbage', /^sent bytes that are no message$/],
    ['unknown message', /^sent a message of no known kind$/],
    ['nonsense answer', /^answered window with nonsense at width$/],
    ['answer to another question', /^answered see without being asked$/],
    ['endless message', /^sent a message of 4294967295 bytes$/],
  ])('a lens told to %s is dead, and says why', async (line, reason) => {
    const error = await outcome(line)
    expect(error).toBeInstanceOf(LensDied)
    expect(error).toHaveProperty('reason', expect.stringMatching(reason))
  })

  test('a lens that asks for more than its job needs is dead by count, and by bytes', async () => {
    expect(await outcome('read all the time', { size: 1000 })).toHaveProperty('reason', 'asked for more than 100000 bytes')
    expect(await outcome('read all the time', { size: 100 })).toHaveProperty('reason', 'asked more than 500 times')
  })

  test('a lens that asks too often at once is dead', async () => {
    const fast = sourceThatSays('read at once')
    const never: ByteSource = { ...fast, read: (start, end) => (end === 1 ? new Promise(() => {}) : fast.read(start, end)) }
    await using session = await lenses.open(never, { signal })
    await expect(session.call('window', { window: null })).rejects.toHaveProperty('reason', 'asked 16 times at once')
  })

  test('a lens that dies says for which request, in its last words and in the log', async () => {
    const logged: string[] = []
    const log = createLog({ destination: { write: (line) => { logged.push(line) } } })
    await using told = await startLenses({ ...obedientLenses(jail), processes: 1, log })
    const traceId = newRequestId()
    await using session = await told.open(sourceThatSays('throw'), { signal, traceId })
    await expect(session.call('window', { window: null })).rejects.toHaveProperty('reason', `exit 1: ${traceId} Error: a decoder gave up`)
    await expect.poll(() => logged.filter((line) => line.includes('lens.died')).map((line) => JSON.parse(line))).toEqual([expect.objectContaining({ traceId, was: 'busy' })])
  })

  test('a lens that writes a megabyte to its standard error goes on', async () => {
    expect(await outcome('chatter')).toHaveProperty('codec', 'fine')
  })

  test('a refusal is an AppError with its details, and the job goes on', async () => {
    await using session = await lenses.open(sourceThatSays('refuse'), { signal })
    const error = await session.call('window', { window: null }).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code: 'media_too_large', details: { what: 'frames', asked: 9000, most: 5000 } })
    expect(await session.call('see', {})).toHaveProperty('frames', 1)
  })

  test('ends with its signal, mid-call, and the lens is free for the next one', async () => {
    const abort = new AbortController()
    await using session = await lenses.open(sourceThatSays('sleep'), { signal: abort.signal })
    const call = session.call('window', { window: null })
    const next = lenses.open(sourceThatSays('behave'), { signal })
    abort.abort(new Error('the client has gone'))
    await expect(call).rejects.toThrow('the client has gone')
    await expect(session.call('see', {})).rejects.toThrow('the client has gone')
    await using session2 = await next
    expect(await session2.call('window', { window: null })).toHaveProperty('codec', 'fine')
  })

  test('waits its turn: first come, first served, and whoever gives up leaves the queue', async () => {
    const order: string[] = []
    const holder = await lenses.open(sourceThatSays('behave'), { signal })
    const giveUp = new AbortController()
    const job = async (name: string, signal: AbortSignal): Promise<void> => {
      await using session = await lenses.open(sourceThatSays('behave'), { signal })
      await session.call('window', { window: null })
      order.push(name)
    }
    const jobs = [job('first', signal), job('gone', giveUp.signal), job('second', signal)]
    expect(lenses.stats).toMatchObject({ busy: 1, waiting: 3 })
    giveUp.abort(new Error('gave up'))
    await expect(jobs[1]).rejects.toThrow('gave up')
    await holder[Symbol.asyncDispose]()
    await Promise.all([jobs[0], jobs[2]])
    expect(order).toEqual(['first', 'second'])
  })

  test('fails with what its source failed with', async () => {
    const source: ByteSource = { ...sourceThatSays('behave'), read: async () => { throw new AppError('source_http_error', { details: { status: 403 } }) } }
    await using session = await lenses.open(source, { signal })
    await expect(session.call('window', { window: null })).rejects.toMatchObject({ code: 'source_http_error', details: { status: 403 } })
  })

  test('does not pay for a slow source with its working time', async () => {
    const fast = sourceThatSays('behave')
    const slow: ByteSource = { ...fast, read: async (start, end) => {
      await new Promise((done) => { setTimeout(done, 600) })
      return fast.read(start, end)
    } }
    await using session = await lenses.open(slow, { signal, deadlineMs: 300 })
    expect(await session.call('window', { window: null })).toHaveProperty('codec', 'fine')
  })

  test('is given more of the source than it asked for, up to a bound', async () => {
    const whole = sourceThatSays('count', 3 * MiB)
    const generous: ByteSource = { ...whole, size: 1000, read: () => whole.read(0, 3 * MiB) }
    await using session = await lenses.open(generous, { signal })
    expect(await session.call('window', { window: null })).toHaveProperty('floorBytes', MiB)
  })
})

test('lenses that never get ready are an error at start, with their last words', async () => {
  const program = `${import.meta.dirname}/no-such-program.ts`
  await expect(startLenses({ ...obedientLenses(working[0]), program })).rejects.toThrow(/no-such-program/)
})
