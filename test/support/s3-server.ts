import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { arch, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { S3mini } from 's3mini'
import { parseS3Url } from '../../src/objects/s3-objects.ts'
import { createS3Wire, S3_LIMITS } from '../../src/objects/s3-wire.ts'

const UNPACKED = fileURLToPath(new URL('../../.cache/s3-server/', import.meta.url))
const SERVE = fileURLToPath(new URL('s3-server/serve.py', import.meta.url))
const READY_MS = 20_000
const DEBIAN_ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' }

/** A server, and what an S3_URL of it begins with: `openBucket` gives whole ones. */
export type S3Server = { readonly url: string } & AsyncDisposable

/** The server of TEST_S3_URL, or one of its own out of what `s3-server/setup.sh` unpacked; null where it has not been. */
export async function startS3Server(): Promise<S3Server | null> {
  const url = process.env.TEST_S3_URL
  if (url) return { url: withKey(url), [Symbol.asyncDispose]: async () => {} }
  return existsSync(join(UNPACKED, 'complete')) ? await startSwift() : null
}

/** The key itself holds a colon, so that without encoding the address means another key and secret. */
const withKey = (url: string): string => url.replace('//test:tester:', '//test%3Atester:')

async function startSwift(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-s3-'))
  const root = join(UNPACKED, 'root/usr')
  const python = ['/usr/bin/python3', join(root, 'bin/python3')].find(existsSync) ?? 'python3'
  const swift = spawn(python, [SERVE, folder], {
    stdio: ['pipe', 'pipe', 'inherit'], // the end of its standard input is its own
    env: { PATH: process.env.PATH, PYTHONPATH: join(root, 'lib/python3/dist-packages'), LD_LIBRARY_PATH: join(root, `lib/${DEBIAN_ARCH[arch()]}-linux-gnu`) },
  })
  const stop = async (): Promise<void> => {
    const ended = swift.exitCode === null && swift.signalCode === null ? once(swift, 'exit') : null
    swift.kill('SIGKILL')
    await ended
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const [port] = await Promise.race([
      once(createInterface(swift.stdout), 'line', { signal: AbortSignal.timeout(READY_MS) }),
      once(swift, 'exit').then(([code]) => { throw new Error(`the S3 server ended with ${code}`) }),
    ])
    return { url: `http://test%3Atester:testing@127.0.0.1:${port}`, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

export interface Bucket extends AsyncDisposable {
  /** An S3_URL. */
  readonly url: string
  /** For what the object store has no words for. */
  readonly client: S3mini
}

/** A fresh bucket of a server, removed with all that is in it. Without a name it gets one. */
export async function openBucket(s3Url: string, name = `test-${randomBytes(6).toString('hex')}`): Promise<Bucket> {
  const url = `${s3Url.replace(/\/$/, '')}/${name}`
  const { endpoint, region, accessKeyId, secretAccessKey } = parseS3Url(url)
  const client = new S3mini({ endpoint, region, accessKeyId, secretAccessKey, fetch: createS3Wire(S3_LIMITS).fetch(undefined) })
  if (!await client.createBucket()) throw new Error(`the bucket ${name} cannot be made`)
  return { url, client, [Symbol.asyncDispose]: () => removeBucket(client) }
}

async function removeBucket(client: S3mini): Promise<void> {
  const keys = (await client.listObjects()) ?? []
  await client.deleteObjects(keys.map(({ Key }) => Key))
  await client.deleteObject('/') // what lies at the address of the bucket is the bucket
}
