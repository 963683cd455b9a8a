import { mkdir, rename, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { drawBase, writeLongVideo, type Layout } from './long-video.ts'

const FOOTAGE = new URL('../../../shared/media/sign-again.mkv', import.meta.url)

export interface BenchClip { readonly name: string; readonly seconds: number; readonly layout: Layout; readonly bytes: number; readonly window: { readonly startMs: number; readonly endMs: number } }

/** 1080p30 with sound; the window lies near the end, off the key frames, which come every two seconds. */
const CLIPS = [10, 60, 1800].flatMap((seconds) => (['moov-first', 'moov-last', 'fragmented'] as const).map((layout) => ({ seconds, layout })))

/** The folder of the bench videos, drawn on first use and kept in the temporary folder (1.7 GB). */
export async function benchClips(): Promise<{ folder: string; clips: readonly BenchClip[] }> {
  const folder = join(tmpdir(), 'dramatis-bench-2')
  await mkdir(folder, { recursive: true })
  let base: Uint8Array | null = null
  const clips: BenchClip[] = []
  for (const { seconds, layout } of CLIPS) {
    const name = `${seconds}s-${layout}.mp4`
    const path = join(folder, name)
    if (!await stat(path).catch(() => null)) {
      base ??= await drawBase(FOOTAGE)
      await writeLongVideo(`${path}.partial`, base, { seconds, layout })
      await rename(`${path}.partial`, path)
      console.error(`drew ${name}`)
    }
    const startMs = (seconds - 3) * 1000 + 300
    clips.push({ name, seconds, layout, bytes: (await stat(path)).size, window: { startMs, endMs: startMs + 2000 } })
  }
  return { folder, clips }
}
