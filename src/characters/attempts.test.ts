import { describe, expect, test } from 'vitest'
import { codeOf, createRequest, type Rig, type RigOptions } from '../../test/support/character-rig.ts'
import { DATABASES } from '../../test/support/databases.ts'
import { openRigOn } from '../../test/support/shared-rigs.ts'
import { AppError } from '../domain/errors.ts'
import type { Happening } from '../domain/happening.ts'
import { LeaseLost } from '../jobs/job-queue.ts'

const rowOf = (rig: Rig, id: string) => rig.db.selectFrom('characters').select(['status', 'attempts']).where('id', '=', id).executeTakeFirst()
const isStep = (happening: Happening, step: string): boolean => happening.type === 'character.progress' && happening.step === step
const away = (): AppError => new AppError('database_unavailable', { details: { retryAfterSeconds: 1 } })

describe.each(DATABASES)('tries of a character, on %s', (kind) => {
  /** A rig whose queue does nothing by itself, and one accepted character. */
  const openIdle = async (options: RigOptions = {}) => {
    const rig = await openRigOn(kind, { role: 'api', drainMs: 100, ...options })
    const { id, done } = await rig.characters.create(createRequest({ options: { username: 'misty_otter' } }))
    const turn = (signal = new AbortController().signal): Promise<void> => rig.work.handler.run({ id, traceId: null, isLate: false, signal })
    return { rig, id, done, turn, [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose]() }
  }

  test('who loses the lease stops, writes nothing more, and takes away what it stored', async () => {
    const lease = new AbortController()
    await using idle = await openIdle({ onTold: (happening) => { if (isStep(happening, 'stored')) lease.abort(new LeaseLost()) } })
    const { rig, id, done, turn } = idle
    await turn(lease.signal)
    expect(rig.outcomes).toEqual(['lost'])
    expect(await rowOf(rig, id)).toEqual({ status: 'in_progress', attempts: 1 })
    expect(await rig.files('objects')).toEqual([])
    await turn()
    expect(await done).toMatchObject({ id, username: 'misty_otter' })
    expect(await rowOf(rig, id)).toEqual({ status: 'completed', attempts: 2 })
  })

  test('a try that is overtaken just before it completes the character does not, and takes away what it stored', async () => {
    let isStored = false
    await using idle = await openIdle({ onTold: (happening) => { isStored ||= isStep(happening, 'stored') } })
    const { rig, id, turn } = idle
    beforeTransactions(rig, async () => {
      if (!isStored) return
      isStored = false
      await rig.db.updateTable('characters').set({ attempts: 2 }).where('id', '=', id).execute()
    })
    await turn()
    expect(rig.outcomes).toEqual(['lost'])
    expect(await rowOf(rig, id)).toEqual({ status: 'in_progress', attempts: 2 })
    expect(await rig.files('objects')).toEqual([])
  })

  test('a try that ends in an error when a later one had the character and handed it back does not fail it', async () => {
    let isSeen = false
    await using idle = await openIdle({ script: { see: () => { throw new AppError('media_corrupt') } }, onTold: (happening) => { isSeen ||= isStep(happening, 'see') } })
    const { rig, id, turn } = idle
    beforeTransactions(rig, async () => {
      if (isSeen) await rig.db.updateTable('characters').set({ status: 'queued' }).where('id', '=', id).execute()
    })
    await turn()
    expect(rig.outcomes).toEqual(['lost'])
    expect(await rowOf(rig, id)).toEqual({ status: 'queued', attempts: 1 })
    expect(await rig.characters.find('local', '@misty_otter')).toMatchObject({ id })
  })

  test('a lease that is lost while the character is completed takes nothing away from it', async () => {
    const lease = new AbortController()
    await using idle = await openIdle({ onTold: ({ type }) => { if (type === 'character.completed') lease.abort(new LeaseLost()) } })
    const { rig, done, turn } = idle
    await turn(lease.signal)
    expect(rig.outcomes).toEqual(['completed'])
    expect(await done).toMatchObject({ username: 'misty_otter' })
    expect(await rig.files('objects')).toHaveLength(7)
  })

  test('a turn of what is at its end, or gone, does nothing', async () => {
    await using idle = await openIdle()
    const { rig, id, turn } = idle
    await turn()
    const happened = rig.happenings.length
    await turn()
    await rig.characters.remove('local', id, { isPurge: true })
    await turn()
    await rig.work.handler.giveUp(id)
    expect(rig.outcomes).toEqual(['completed'])
    expect(rig.happenings).toHaveLength(happened + 1)
  })

  test('a commit whose answer is lost counts, when it went through', async () => {
    let isLost = false
    await using idle = await openIdle({ onTold: ({ type }) => { isLost ||= type === 'character.completed' } })
    const { rig, done, turn } = idle
    loseAnswers(rig, () => {
      const loses = isLost
      isLost = false
      return loses
    })
    await turn()
    expect(rig.outcomes).toEqual(['completed'])
    expect(await done).toMatchObject({ username: 'misty_otter' })
    expect(await rig.files('objects')).toHaveLength(7)
  })

  test('a failure whose answer is lost is told once', async () => {
    let isLost = false
    await using idle = await openIdle({ script: { see: () => ({ frames: 1, subjects: [], reasons: ['blank'], models: {} }) }, onTold: ({ type }) => { isLost ||= type === 'character.failed' } })
    const { rig, done, turn } = idle
    loseAnswers(rig, () => {
      const loses = isLost
      isLost = false
      return loses
    })
    await turn()
    expect(rig.outcomes).toEqual(['failed'])
    expect(await codeOf(done)).toBe('no_character_found')
    expect(rig.happenings.filter(({ type }) => type === 'character.failed')).toHaveLength(1)
  })

  test('a database that is away for a moment costs no try, and who waits sees nothing of it', async () => {
    let faults = 3
    await using idle = await openIdle({ script: { voice: () => {
      if (faults-- > 0) throw away()
      return { speechSeconds: 0, wav: null }
    } } })
    const { rig, id, done, turn } = idle
    for (let turns = 0; turns < 3; turns++) {
      expect(await codeOf(turn())).toBe('database_unavailable')
      expect(await rowOf(rig, id)).toEqual({ status: 'queued', attempts: 0 })
    }
    await turn()
    expect(await done).toMatchObject({ id })
    expect(rig.outcomes).toEqual(['kept', 'kept', 'kept', 'completed'])
  })

  test('what is stopped because the process ends and goes on all the same counts as a try: its late objects are not those of the next', async () => {
    const drain = new AbortController()
    const gate = Promise.withResolvers<void>()
    await using idle = await openIdle({ script: { voice: async () => {
      drain.abort(new AppError('shutting_down', { details: { retryAfterSeconds: 5 } }))
      await gate.promise
      return { speechSeconds: 0, wav: null }
    } } })
    const { rig, id, done, turn } = idle
    expect(await codeOf(turn(drain.signal))).toBe('shutting_down')
    expect(await codeOf(done)).toBe('shutting_down')
    expect(await rowOf(rig, id)).toEqual({ status: 'queued', attempts: 1 })
    gate.resolve()
  })

  test('what was handed back too often ends with a reason, and its name is free', async () => {
    await using idle = await openIdle()
    const { rig, id, done } = idle
    await rig.work.handler.giveUp(id)
    await expect(done).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'service_stopped' } })
    expect(await rig.db.selectFrom('usernames').selectAll().execute()).toEqual([])
  })

  test('what had its tries in processes that ended is not tried again', async () => {
    await using idle = await openIdle()
    const { rig, id, done, turn } = idle
    await rig.db.updateTable('characters').set({ status: 'in_progress', attempts: 2, step: 'see' }).where('id', '=', id).execute()
    await turn()
    await expect(done).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'service_stopped', step: 'see' } })
    expect(rig.lens.opened).toBe(0)
  })
})

/** The transactions go through, and their answer does not come. */
const loseAnswers = (rig: Rig, loses: () => boolean): void => aroundTransactions(rig, async (execute) => {
  const result = await execute()
  if (loses()) throw away()
  return result
})

const beforeTransactions = (rig: Rig, work: () => Promise<void>): void => aroundTransactions(rig, async (execute) => {
  await work()
  return await execute()
})

function aroundTransactions({ db }: Rig, around: <T>(execute: () => Promise<T>) => Promise<T>): void {
  const begin = db.transaction.bind(db)
  db.transaction = () => {
    const builder = begin()
    const execute = builder.execute.bind(builder)
    builder.execute = (work) => around(() => execute(work))
    return builder
  }
}
