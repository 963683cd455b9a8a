import { expect, test } from 'vitest'
import { memoryBackends } from '../../test/support/memory-backends.ts'
import { memoryCharacters } from '../../test/support/memory-characters.ts'
import { finished, memoryVideos } from '../../test/support/memory-videos.ts'
import { AppError } from '../domain/errors.ts'
import { newCharacterId } from '../domain/identifier.ts'
import { eventData } from './event-data.ts'

const characters = memoryCharacters()
const videos = memoryVideos({ characters, backends: memoryBackends() })
const SETTINGS = { publicUrl: 'http://dramatis.test' }
const LARGEST = 20_000
const bytesOf = (data: object): number => Buffer.byteLength(JSON.stringify(data))

test('a finished character says what its address says', () => {
  const character = characters.plant()
  expect(eventData({ type: 'character.completed', account: 'local', id: character.id, character }, SETTINGS)).toMatchObject({
    id: character.id, object: 'character', status: 'completed', username: character.username, permalink: `http://dramatis.test/@${character.username}`, source: { host: 'example.com' }, error: null,
  })
})

test('a request that an earlier character answers keeps its own id', () => {
  const [id, character] = [newCharacterId(), characters.plant()]
  expect(eventData({ type: 'character.completed', account: 'local', id, character }, SETTINGS)).toMatchObject({ id, username: character.username })
})

test('the id comes first, whatever else is said', () => {
  const { id } = characters.plant()
  expect(JSON.stringify(eventData({ type: 'character.progress', account: 'local', id, step: 'see', progress: 45, elapsedMs: 820 }, SETTINGS))).toBe(`{"id":"${id}","step":"see","progress":45,"elapsed_ms":820}`)
})

test('a failure says why, in English', () => {
  const { id } = characters.plant()
  expect(eventData({ type: 'character.failed', account: 'local', id, error: new AppError('media_no_video') }, SETTINGS)).toEqual({ id, object: 'character', status: 'failed', error: { code: 'media_no_video', message: 'This file has no video track.' } })
})

test('a finished video says what its address says', () => {
  const video = videos.plant({ state: finished() })
  expect(eventData({ type: 'video.completed', account: 'local', id: video.id, video }, SETTINGS)).toMatchObject({ id: video.id, object: 'video', status: 'completed', progress: 100, seconds: '4', prompt: video.prompt })
})

test('what would be too large gives way, the largest first, and is named', () => {
  const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`key${i}`, '字'.repeat(512)]))
  const character = characters.plant({ metadata, description: '很'.repeat(2000), tags: ['wet'] })
  const data = eventData({ type: 'character.completed', account: 'local', id: character.id, character }, SETTINGS)
  expect(bytesOf(data)).toBeLessThan(LARGEST)
  expect(data).toMatchObject({ omitted: ['metadata'], description: character.description, tags: ['wet'] })
  expect(data).not.toHaveProperty('metadata')
  const video = videos.plant({ state: finished(), prompt: '海'.repeat(32_000) })
  const told = eventData({ type: 'video.completed', account: 'local', id: video.id, video }, SETTINGS)
  expect(bytesOf(told)).toBeLessThan(LARGEST)
  expect(told).toMatchObject({ omitted: ['prompt'], status: 'completed' })
})
