import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Models } from '../models.ts'
import type { Job } from '../serve-job.ts'
import { fitPicture } from './fit-picture.ts'
import { inspect } from './inspect.ts'
import { witness } from './witness.ts'

/** The calls that look at a produced video, and those that make a picture fit to be sent on. */
export function producedCalls(source: ByteSource, models: Models): Pick<Job, 'inspect' | 'witness' | 'picture'> {
  return {
    inspect: () => inspect(source),
    witness: (asked) => witness(source, models, asked),
    picture: (asked) => fitPicture(source, asked),
  }
}
