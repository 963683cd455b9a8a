import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { ObjectFacts } from './copy-object.ts'

export async function hashFile(path: string): Promise<ObjectFacts> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk as Uint8Array) // a stream without an encoding
    bytes += (chunk as Uint8Array).length
  }
  return { bytes, sha256: hash.digest('hex') }
}
