import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Models } from '../models.ts'
import type { Job } from '../serve-job.ts'
import { fitPicture, openAlbum } from './fit-picture.ts'
import { inspect } from './inspect.ts'
import { witness } from './witness.ts'

/** The calls that look at a produced video, and those that open pictures. */
export function producedCalls(source: ByteSource, models: Models): Pick<Job, 'inspect' | 'witness' | 'picture' | 'album'> {
  return {
    inspect: () => inspect(source),
    witness: (asked) => witness(source, models, asked),
    picture: (asked) => fitPicture(source, asked),
    album: openAlbum,
  }
}
