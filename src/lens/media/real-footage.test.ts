import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import type { Frame } from '../frame.ts'
import { openWindow } from './open-window.ts'

/** Not part of the repository: skipped where it is absent. */
const FOOTAGE = join(import.meta.dirname, '../../../../shared/media')
const isHere = existsSync(FOOTAGE)
const clips = isHere ? readdirSync(FOOTAGE).filter((name) => /\.(mp4|mkv|gif)$/.test(name)) : []

const open = (name: string, window: { startMs: number; endMs: number } | null) => openWindow(memorySource(readFileSync(join(FOOTAGE, name))), window)

async function collect(frames: AsyncIterable<Frame>): Promise<Frame[]> {
  const all: Frame[] = []
  for await (const frame of frames) all.push(frame)
  return all
}

describe.skipIf(!isHere)('real footage', () => {
  test.each(clips)('%s opens and gives frames and a clip', async (name) => {
    const { facts, pictures } = await open(name, { startMs: 200, endMs: 1500 })
    const frames = await collect(pictures.frames({ perSecond: 8, longSide: 320 }))
    expect(frames.length).toBeGreaterThanOrEqual(9)
    expect(frames.every(({ seconds }) => seconds >= 0.2 && seconds < 1.5)).toBe(true)
    expect(Math.max(frames[0]?.width ?? 0, frames[0]?.height ?? 0)).toBe(Math.min(320, Math.max(facts.width, facts.height)))
    const clip = await openWindow(memorySource(facts.clip), null)
    expect((await collect(clip.pictures.frames({ perSecond: 8, longSide: 64 }))).length).toBeGreaterThanOrEqual(9)
  })

  // B-frames: what comes at a time may not depend on where decoding began.
  test.each(['toy-pig.mp4', 'sign-bird.mkv', 'hevc-no-character.mp4'])('%s gives the same picture at the same time through two windows', async (name) => {
    const ALL = { perSecond: 60, longSide: 64 }
    const [early, late] = [await open(name, { startMs: 0, endMs: 1500 }), await open(name, { startMs: 1000, endMs: 2000 })]
    const pictures = new Map((await collect(early.pictures.frames(ALL))).map((frame) => [frame.seconds.toFixed(3), frame.data]))
    const both = (await collect(late.pictures.frames(ALL))).filter(({ seconds }) => seconds > 1 && pictures.has(seconds.toFixed(3)))
    expect(both.length).toBeGreaterThan(10)
    for (const { seconds, data } of both) expect(Buffer.compare(Buffer.from(data), Buffer.from(pictures.get(seconds.toFixed(3)) ?? []))).toBe(0)
  })

  test('rotated.mp4 stands upright', async () => {
    const { facts, pictures } = await open('rotated.mp4', { startMs: 0, endMs: 1800 })
    expect(facts).toMatchObject({ width: 1080, height: 1920 })
    expect((await collect(pictures.framesAt([0])))[0]).toMatchObject({ width: 1080, height: 1920 })
  })
})
