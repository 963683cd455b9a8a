import { H264Encoder } from '../media/h264-encoder.ts'
import type { I420 } from '../media/i420.ts'
import type { Job } from '../serve-job.ts'
import { MARKS } from './mark.ts'
import { drawScene, FRAMES_PER_SECOND, makeScene, type Scene } from './scene.ts'
import { soundtrack, type Sound } from './soundtrack.ts'
import { wrapMp4 } from './wrap.ts'

/** A second: half of the picture is a blur. Twice as many are a fifth more work. */
export const BITS_PER_PIXEL = 2
/** So that players can jump. */
const KEY_FRAME_SECONDS = 2

interface Film {
  readonly scene: Scene
  readonly sound: Sound
  readonly encoder: H264Encoder
  readonly frame: I420
  readonly frames: number
  readonly seconds: number
  readonly title: string
  drawn: number
}

/** The calls that draw an animatic; `folder` has the font. */
export function sceneCalls(folder: string): Pick<Job, 'stage' | 'roll' | 'wrap'> {
  let staged: Film | null = null
  const film = (): Film => {
    if (!staged) throw new Error('the stage comes first')
    return staged
  }
  return {
    stage: async (asked) => {
      const { width, height, seconds, voice, language } = asked
      staged = {
        scene: await makeScene(asked, folder), sound: soundtrack(voice, seconds), encoder: new H264Encoder({ bitsPerPixel: BITS_PER_PIXEL }),
        frame: { width, height, data: new Uint8Array((width * height * 3) / 2) },
        frames: Math.round(seconds * FRAMES_PER_SECOND), seconds, title: MARKS[language], drawn: 0,
      }
      return { frames: staged.frames }
    },
    roll: async () => {
      await rollSecond(film())
      return { drawn: film().drawn, frames: film().frames }
    },
    wrap: async () => {
      const { encoder, sound, frames, title, seconds, drawn } = film()
      if (drawn < frames) throw new Error('all frames come first')
      using _ = encoder
      const video = await encoder.finish({ endSeconds: seconds, originSeconds: 0 })
      return { video: await wrapMp4(video, sound, { title, framesPerSecond: FRAMES_PER_SECOND }) }
    },
  }
}

async function rollSecond(film: Film): Promise<void> {
  const { scene, encoder, frame, frames, seconds: length } = film
  for (const end = Math.min(frames, film.drawn + FRAMES_PER_SECOND); film.drawn < end; film.drawn++) {
    const seconds = film.drawn / FRAMES_PER_SECOND
    drawScene(frame, scene, { seconds, length })
    await encoder.add(frame, { seconds, isKey: film.drawn % (KEY_FRAME_SECONDS * FRAMES_PER_SECOND) === 0 })
  }
}
