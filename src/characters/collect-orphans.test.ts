import { describe, expect, test } from 'vitest'
import { codeOf, createRequest, openRig, type Rig, type RigOptions } from '../../test/support/character-rig.ts'
import { DATABASES } from '../../test/support/databases.ts'
import { openRigOn } from '../../test/support/shared-rigs.ts'
import { newCharacterId, newErrandId, newVideoId } from '../domain/identifier.ts'
import { createLog } from '../runtime/log.ts'
import { VideoUpkeep } from '../videos/video-upkeep.ts'
import { collectOrphans } from './collect-orphans.ts'
import { Housekeeping } from './keep-house.ts'

const HOUR_MS = 3_600_000
const log = createLog({ level: 'silent' })

describe.each(DATABASES)('what no character needs, on %s', (kind) => {
  const open = (options: RigOptions = {}): Promise<Rig> => openRigOn(kind, options)

  test('is collected when it is old, whoever left it, and nothing of the living is', async () => {
    let nowMs = Date.now() - 2 * HOUR_MS
    const gate = Promise.withResolvers<never>()
    await using rig = await open({ clock: () => nowMs, concurrency: 2, script: { cutout: (source) => (source.size === 'slow'.length ? gate.promise : { picture: null, gate: { coverage: 0, largestPart: 0, undecided: 0, inside: 0 } }) } })
    rig.videos.set('https://videos.example/slow.mp4', 'slow')
    const made = await (await rig.characters.create(createRequest())).done
    const failed = await rig.characters.create(createRequest({ url: 'https://videos.example/gone.mp4' }))
    expect(await codeOf(failed.done)).toBe('internal_error')
    const running = await rig.characters.create(createRequest({ url: 'https://videos.example/slow.mp4' }))
    await expect.poll(() => rig.lens.calls.filter((name) => name === 'cutout')).toHaveLength(2)

    const old = [newCharacterId(nowMs), newErrandId(nowMs), newCharacterId(nowMs)]
    const dead = [`${old[0]}/1/clip.mp4`, `${old[1]}-given/video`, `${old[2]}-given/video`, `${made.id}-given/video`, `${failed.id}/1/clip.mp4`, `${failed.id}-given/video`]
    nowMs = Date.now()
    const young = [`${newCharacterId(nowMs)}-given/video`, `${newCharacterId(nowMs)}/1/clip.mp4`]
    const others = [`${newVideoId(1)}/1/video.mp4`, `${newVideoId(1)}-given/video`, 'something/else']
    const living = [`${made.id}/1/clip.mp4`, `${running.id}/1/clip.mp4`, `${running.id}-given/video`]
    for (const key of [...dead, ...young, ...others, ...living]) await rig.objects.put(key, new Uint8Array([1]))

    const collect = (): Promise<number> => collectOrphans({ db: rig.db, objects: rig.objects, log }, { beforeMs: nowMs - HOUR_MS, signal: new AbortController().signal })
    expect(await collect()).toBe(dead.length)
    const left = await rig.files('objects')
    expect(left.filter((key) => dead.includes(key))).toEqual([])
    expect(left).toEqual(expect.arrayContaining([...young, ...others, ...living]))
    expect(await collect()).toBe(0)
    gate.reject(new Error('enough'))
    await codeOf(running.done)
  })
})

test('at the start of the only process whatever is older than that is collected', async () => {
  await using rig = await openRig()
  const made = await (await rig.characters.create(createRequest())).done
  const left = [`${newCharacterId()}/1/clip.mp4`, `${newErrandId()}-given/video`]
  for (const key of left) await rig.objects.put(key, new Uint8Array([1]))
  await using next = await openRig({ folder: rig.folder })
  await next.characters.resume()
  await expect.poll(() => next.files('objects')).toHaveLength(7)
  expect((await next.files('objects')).every((path) => path.startsWith(made.id))).toBe(true)
})

test('beside other processes, whose clocks may be hours behind, what was stored a moment before its row is left alone', async () => {
  await using rig = await openRig()
  const ids = [newCharacterId, newVideoId].flatMap((newId) => [newId(Date.now() - 3 * HOUR_MS), newId(Date.now() - 49 * HOUR_MS)])
  for (const id of ids) await rig.objects.put(`${id}-given/video`, new Uint8Array([1]))
  const shared = { ...rig, queue: { reclaim: async () => {} }, log, clock: Date.now }
  const keepers = [new Housekeeping({ ...shared, isAlone: false }), new VideoUpkeep({ ...shared, settings: { isAlone: false } })]
  for (const keeper of keepers) await keeper.start()
  await expect.poll(() => rig.files('objects').then((left) => left.toSorted())).toEqual([`${ids[0]}-given/video`, `${ids[2]}-given/video`])
  for (const keeper of keepers) await keeper.stop()
})
