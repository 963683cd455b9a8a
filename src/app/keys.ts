import { createHash, timingSafeEqual } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { openDatabase } from '../db/database.ts'
import { createKeys, type Keys } from '../db/key-rows.ts'
import { SCOPES, type Authenticate } from '../http/auth.ts'
import type { Config } from './config.ts'
import { databasePlace } from './stores.ts'

/** The keys of the configured database, beside a running service or without one. */
export async function openKeys(config: Config): Promise<{ readonly keys: Keys } & AsyncDisposable> {
  if (config.DATABASE_URL === undefined) await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 })
  const db = await openDatabase(databasePlace(config))
  return { keys: createKeys(db), [Symbol.asyncDispose]: () => db.destroy() }
}

/** What a key of the command line or of API_KEYS may do: everything but administer. */
export const KEY_SCOPES = SCOPES

/** By the pairs of API_KEYS, then by the keys made on the command line. */
export function authenticateBy(pairs: readonly string[], keys: Keys): Authenticate {
  const configured = pairs.map((pair) => {
    const colon = pair.indexOf(':')
    return { account: pair.slice(0, colon), digest: digestOf(pair.slice(colon + 1)) }
  })
  return (key) => {
    const digest = digestOf(key)
    const holder = configured.find((each) => timingSafeEqual(each.digest, digest))
    return holder ? { account: holder.account, scopes: KEY_SCOPES } : keys.find(key)
  }
}

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest()
