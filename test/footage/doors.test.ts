import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { detection, evidence, type EvidenceResource } from '../../src/http/schemas/character.ts'
import { answerOf, createNative, createSeed, get, postJson, refusalOf } from '../support/client.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startService, type RunningService } from '../support/service.ts'

/** Not part of the repository: skipped where it is absent. */
const FOOTAGE = join(import.meta.dirname, '../../../shared/media')

let files: FileServer
let service: RunningService

const clip = (name: string, timestamps: string) => ({ url: `${files.url}/${name}`, timestamps })
const evidenceOf = (id: string): Promise<EvidenceResource> => get(service, `/v1/characters/${id}/evidence`, evidence)
const refusedWith = async (body: unknown) => {
  const response = await postJson(service, '/v1/characters', body)
  return { status: response.status, ...await refusalOf(response) }
}
const bytesOf = async (url: string | null): Promise<ArrayBuffer> => (await fetch(url ?? '')).arrayBuffer()
const centre = (box: readonly number[] = []): number => (box[0] ?? 0) + (box[2] ?? 0) / 2

describe.skipIf(!existsSync(FOOTAGE))('real footage through the doors', { timeout: 60_000, concurrent: true }, () => {
  beforeAll(async () => {
    files = await startFileServer(FOOTAGE)
    service = await startService({ environment: { FETCH_ALLOW: files.host, LENS_PROCESSES: '2' } })
  })
  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await files[Symbol.asyncDispose]()
  })

  test('a signer is a person, and the face is in the portrait', async () => {
    const { id, kind, profile_picture_url } = await createNative(service, clip('sign-book.mkv', '0.2,1.5'))
    expect(kind).toBe('person')
    expect(await sharp(await bytesOf(profile_picture_url)).metadata()).toMatchObject({ format: 'webp', width: 512, height: 512 })
    const { portrait: { crop: [left, top, width, height] } } = await evidenceOf(id)
    // The face as labelled by hand.
    const face = { left: 0.423, top: 0.24, right: 0.521, bottom: 0.37 }
    expect([left < face.left, top < face.top, left + width > face.right, top + height > face.bottom]).toEqual([true, true, true, true])
    expect(width * height).toBeLessThan(0.5)
  })

  test('a toy is no person', async () => {
    const { id, username } = await createSeed(service, clip('toy-monster.mp4', '2,4'))
    const found = await evidenceOf(id)
    expect(['object', 'cartoon']).toContain(found.subjects[0]?.kind)
    expect(username).not.toMatch(/bird|cat|dog/)
  })

  test('of two people both are listed, and either may be chosen', async () => {
    const body = clip('woman-and-man.gif', '0,2')
    const { subjects } = await answerOf(await postJson(service, '/v1/characters/detect', body), detection)
    expect(subjects.map(({ subject, kind }) => [subject, kind])).toEqual([['s1', 'person'], ['s2', 'person']])
    const made = await Promise.all(['s1', 's2'].map((subject) => createNative(service, { ...body, subject })))
    const [first, second] = await Promise.all(made.map(({ id }) => evidenceOf(id)))
    expect([first?.chosen.subject, second?.chosen.subject]).toEqual(['s1', 's2'])
    expect(Math.abs(centre(first?.portrait.box) - centre(second?.portrait.box))).toBeGreaterThan(0.1)
  })

  test('one who is not there is told from who is', async () => {
    expect(await refusedWith({ ...clip('woman.gif', '0,1.8'), subject: 's9' })).toMatchObject({ status: 422, code: 'subject_not_found', param: 'subject', details: { subjects: expect.arrayContaining([expect.anything()]) } })
  })

  test('a test pattern is nobody', async () => {
    expect(await refusedWith(clip('hevc-no-character.mp4', '1,3'))).toMatchObject({ status: 422, code: 'no_character_found' })
  })

  test('a video that is turned by its metadata stands upright, and so do its portrait and clip', async () => {
    const { id, source } = await createNative(service, clip('rotated.mp4', '0,1.8'))
    expect(source).toMatchObject({ width: 1080, height: 1920 })
    const { portrait: { crop: [, , width, height] } } = await evidenceOf(id)
    expect(Math.abs(width * 1080 - height * 1920)).toBeLessThan(4) // square where the picture is upright
    const kept = new Input({ source: new BufferSource(await bytesOf(`${service.url}/v1/characters/${id}/clip`)), formats: ALL_FORMATS })
    const track = await kept.getPrimaryVideoTrack()
    expect([track?.displayWidth, track?.displayHeight]).toEqual([1080, 1920])
  })

  test('windows that do not fit are told apart', async () => {
    expect(await refusedWith(clip('woman.gif', '60,62'))).toMatchObject({ status: 422, code: 'timestamps_out_of_range' })
    expect(await refusedWith(clip('woman.gif', '0,8'))).toMatchObject({ status: 400, code: 'invalid_timestamps' })
  })
})
