import { describe, expect, test } from 'vitest'
import { codeOf, createRequest, type Rig } from '../../test/support/character-rig.ts'
import { DATABASES } from '../../test/support/databases.ts'
import { openRigOn } from '../../test/support/shared-rigs.ts'
import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import { LensDied } from '../jail/lens-died.ts'

const make = async (rig: Rig, ...request: Parameters<typeof createRequest>): Promise<Character> => (await rig.characters.create(createRequest(...request))).done
const anyRevision = { ifRevisions: null }

describe.each(DATABASES)('characters that are edited, on %s', (kind) => {
  const openRig = (options: Parameters<typeof openRigOn>[1] = {}): Promise<Rig> => openRigOn(kind, options)

  test('an alias finds the character as its name does, from the start or once it is added', async () => {
    await using rig = await openRig()
    const made = await make(rig, { options: { aliases: ['6f2dbf2b3.zenwhisper'] } })
    expect(await rig.characters.find('local', '@6F2dbf2b3.ZenWhisper')).toMatchObject({ id: made.id, character: { username: made.username, aliases: ['6f2dbf2b3.zenwhisper'] } })
    const edited = await rig.characters.edit('local', made.id, { aliases: ['chr_axtjik3o#', 'old.handle'] }, anyRevision)
    expect(edited).toMatchObject({ aliases: ['chr_axtjik3o#', 'old.handle'], revision: 2, clipSha256: made.clipSha256 })
    expect(await rig.characters.find('local', 'old.handle')).toMatchObject({ character: edited })
    expect(await codeOf(rig.characters.find('local', '6f2dbf2b3.zenwhisper'))).toBe('character_not_found')
    expect((await rig.characters.list('local', { limit: 10, order: 'asc', q: 'old.handle' })).states).toHaveLength(1)
  })

  test('a name is one name in the whole service, whether username or alias, and an edit that cannot have it changes nothing', async () => {
    await using rig = await openRig()
    const first = await make(rig, { options: { username: 'misty_otter', aliases: ['old.handle'] } })
    const second = await make(rig, { account: 'other', url: 'https://videos.example/clip.mp4?signature=very-secret' })
    for (const changes of [{ username: 'old.handle' }, { aliases: ['misty_otter'] }, { aliases: ['0ld.handle'] }, { description: 'x', aliases: ['free.one', 'misty.otter'] }]) {
      await expect(rig.characters.edit('other', second.id, changes, anyRevision)).rejects.toMatchObject({ code: 'username_taken', param: 'username' in changes ? 'username' : 'aliases' })
    }
    expect(await rig.characters.find('other', second.username)).toMatchObject({ character: second })
    expect(await codeOf(rig.characters.find('other', 'free.one'))).toBe('character_not_found')
    await expect(rig.characters.create(createRequest({ account: 'other', options: { aliases: ['misty_otter'] } }))).rejects.toMatchObject({ code: 'username_taken', param: 'aliases' })

    await rig.characters.edit('local', first.id, { username: 'rain_cat' }, anyRevision)
    expect(await rig.characters.edit('other', second.id, { username: 'misty_otter' }, anyRevision)).toMatchObject({ username: 'misty_otter' })
    expect(await rig.characters.find('local', 'rain_cat')).toMatchObject({ id: first.id, character: { aliases: ['old.handle'] } })
  })

  test('an edit of a revision that is no longer the last, or of what is not there, is refused', async () => {
    await using rig = await openRig()
    const { id } = await make(rig)
    expect(await rig.characters.edit('local', id, { description: 'first' }, { ifRevisions: [1] })).toMatchObject({ revision: 2 })
    await expect(rig.characters.edit('local', id, { description: 'second' }, { ifRevisions: [1] })).rejects.toMatchObject({ code: 'precondition_failed', details: { revision: 2 } })
    expect(await rig.characters.find('local', id)).toMatchObject({ character: { description: 'first' } })
    expect(await codeOf(rig.characters.edit('other', id, {}, anyRevision))).toBe('character_not_found')
  })

  test('what happens to a character is told in order, and a purge takes it back', async () => {
    await using rig = await openRig()
    const { id } = await make(rig)
    await rig.characters.edit('local', id, { description: 'a bird' }, anyRevision)
    await rig.characters.remove('local', id, { isPurge: false })
    await rig.characters.restore('local', id)
    await rig.characters.restore('local', id)
    await rig.characters.remove('local', id, { isPurge: true })
    expect(rig.happenings.every((happening) => happening.id === id && happening.account === 'local')).toBe(true)
    const told = rig.happenings.map(({ type }) => type)
    expect(told.filter((type) => type !== 'character.progress')).toEqual(['character.queued', 'character.completed', 'character.updated', 'character.deleted', 'character.restored', 'character.deleted'])
    const progress = rig.happenings.flatMap((happening) => (happening.type === 'character.progress' ? [happening] : []))
    expect(progress.map(({ step }) => step)).toEqual(rig.steps.filter((step) => step !== 'committed')) // by then its end is told
    expect(progress.map(({ progress }) => progress)).toEqual(progress.map(({ progress }) => progress).toSorted((a, b) => a - b))
  })

  test('the progress that is told does not fall when a lens dies and another begins again', async () => {
    let deaths = 0
    await using rig = await openRig({ script: { portrait: () => { throw deaths++ === 0 ? new LensDied('crashed') : new AppError('media_corrupt') } } })
    expect(await codeOf(make(rig))).toBe('media_corrupt')
    const progress = rig.happenings.flatMap((happening) => (happening.type === 'character.progress' ? [happening.progress] : []))
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(rig.steps.filter((step) => step === 'see')).toHaveLength(2)
  })

  test('a failure is told with its reason', async () => {
    await using rig = await openRig({ script: { see: () => ({ frames: 4, subjects: [], reasons: ['blank'], models: {} }) } })
    expect(await codeOf(make(rig))).toBe('no_character_found')
    expect(rig.happenings.at(-1)).toMatchObject({ type: 'character.failed', error: { code: 'no_character_found' } })
  })

  test('a finished video of ours is a source like any other, and stays', async () => {
    await using rig = await openRig()
    rig.videos.set('video_1/video.mp4', 'produced')
    const source = { type: 'video', objectKey: 'video_1/video.mp4', bytes: 8, sha256: 'ab'.repeat(32) } as const
    const made = await make(rig, { source })
    expect(made.source).toMatchObject({ type: 'video', host: null })
    expect((await make(rig, { source })).id).toBe(made.id)
  })
})
