import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeClip, type ClipOptions } from '../../test/fixtures/make-clip.ts'
import { startFileServer } from '../../test/support/file-server.ts'

export interface ServedClip extends AsyncDisposable { readonly url: string; /** As FETCH_ALLOW wants it. */ readonly host: string; readonly bytes: number }

/** The least that a character can be made of: a real MP4 of a figure that walks, drawn in code, as small as a detector still sees it in. */
const TINY: ClipOptions = { scene: 'toy', width: 160, height: 90, seconds: 1.2 }
/** Two seconds in the size of a phone's preview. */
const SMALL: ClipOptions = { scene: 'toy', width: 640, height: 360, seconds: 2, sound: 'aac' }

/** Served on loopback, under any query. */
export async function serveClip(size: 'tiny' | 'small'): Promise<ServedClip> {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-clip-'))
  const clip = await makeClip(size === 'tiny' ? TINY : SMALL)
  await writeFile(join(folder, 'clip.mp4'), clip)
  const server = await startFileServer(folder)
  return {
    url: `${server.url}/clip.mp4`, host: server.host, bytes: clip.length,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
      await rm(folder, { recursive: true })
    },
  }
}
