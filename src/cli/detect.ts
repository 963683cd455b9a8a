import { z } from 'zod'
import { openClient } from './client.ts'
import { readClipOptions } from './clip-options.ts'
import { openProgress } from './progress.ts'

const detection = z.object({
  window: z.object({ start: z.number(), end: z.number() }),
  subjects: z.array(z.object({ subject: z.string(), kind: z.string(), box: z.array(z.number()), t: z.number(), frames: z.number(), score: z.number(), quality: z.number() })),
})

const percent = (value: number): string => `${Math.round(value * 100)}%`.padStart(4)

/** Lists the subjects of a window, first choice first. */
export async function detect(args: string[]): Promise<number> {
  const options = readClipOptions(args)
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient(options)
  progress.say('looking')
  const { window, subjects } = detection.parse(await client.sendClip('/v1/characters/detect', options))
  progress[Symbol.dispose]()
  console.log(`${window.start}–${window.end} s`)
  for (const { subject, kind, box: [x, y, width, height], t, frames, score, quality } of subjects) {
    console.log(`${subject.padEnd(4)}${kind.padEnd(9)}at ${t.toFixed(2)} s  ${frames} frames  score ${percent(score)}  quality ${percent(quality)}  box ${[x, y, width, height].map(percent).join(' ')}`)
  }
  return 0
}
