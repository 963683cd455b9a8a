import { createHash, randomBytes } from 'node:crypto'
import { newKeyId } from '../domain/identifier.ts'
import type { Database } from './database.ts'

export interface KeyFacts {
  readonly id: string
  readonly account: string
  readonly name: string
  readonly last4: string
  readonly scopes: readonly string[]
  readonly createdAtMs: number
  readonly revokedAtMs: number | null
}

export type Keys = ReturnType<typeof createKeys>

/** API keys. The key itself is shown once and never stored: 256 random bits need no slow hash. */
export function createKeys(db: Database, { clock = Date.now }: { readonly clock?: () => number } = {}) {
  return {
    add: async ({ account, name, scopes }: Pick<KeyFacts, 'account' | 'name' | 'scopes'>): Promise<{ readonly id: string; readonly key: string }> => {
      const key = `drm_${randomBytes(32).toString('base64url')}`
      const id = newKeyId()
      const row = { id, account, name, sha256: digestOf(key), last4: key.slice(-4), scopes: JSON.stringify(scopes), created_at: clock(), revoked_at: null }
      await db.insertInto('api_keys').values(row).execute()
      return { id, key }
    },
    /** Who holds this key; null when nobody does, or it is revoked. */
    find: async (key: string): Promise<{ readonly account: string; readonly scopes: readonly string[] } | null> => {
      const row = await db.selectFrom('api_keys').select(['account', 'scopes']).where('sha256', '=', digestOf(key)).where('revoked_at', 'is', null).executeTakeFirst()
      return row ? { account: row.account, scopes: readScopes(row.scopes) } : null
    },
    /** Oldest first, the revoked too. */
    list: async (): Promise<readonly KeyFacts[]> => {
      const rows = await db.selectFrom('api_keys').selectAll().orderBy('id').execute()
      return rows.map(({ id, account, name, last4, scopes, created_at, revoked_at }) => ({ id, account, name, last4, scopes: readScopes(scopes), createdAtMs: created_at, revokedAtMs: revoked_at }))
    },
    /** False when there is no such key, or it was revoked before. */
    revoke: async (id: string): Promise<boolean> => {
      const { numUpdatedRows } = await db.updateTable('api_keys').set({ revoked_at: clock() }).where('id', '=', id).where('revoked_at', 'is', null).executeTakeFirst()
      return numUpdatedRows > 0n
    },
  }
}

const digestOf = (key: string): string => createHash('sha256').update(key).digest('hex')
const readScopes = (json: string): readonly string[] => JSON.parse(json) as readonly string[]
