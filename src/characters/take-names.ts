import type { Database } from '../db/database.ts'
import { byName, takeUsername, usernameHolder } from '../db/username-rows.ts'
import { skeletonOf } from '../domain/username.ts'
import { usernameTaken } from './username-taken.ts'

interface Names { readonly username: string | null; readonly aliases: readonly string[] }

/** All of them for this character, or it throws `username_taken`; what another character holds for the same request is left to that one. For a transaction. */
export async function takeNames(trx: Database, id: string, names: Names, { sameRequest }: { readonly sameRequest?: string | undefined } = {}): Promise<void> {
  for (const { name, isAlias } of inOrder(names)) {
    const isToBeHad = await takeUsername(trx, name, id, { isAlias }) || (sameRequest !== undefined && sameRequest === await usernameHolder(trx, name))
    if (!isToBeHad) throw await usernameTaken(trx, name, isAlias ? 'aliases' : 'username')
  }
}

function inOrder({ username, aliases }: Names): readonly { readonly name: string; readonly isAlias: boolean }[] {
  const all = [...aliases.map((name) => ({ name, isAlias: true })), ...(username === null ? [] : [{ name: username, isAlias: false }])]
  // An alias that looks like the username, or like another, is that one.
  return [...new Map(all.map((each) => [skeletonOf(each.name), each])).values()].toSorted(byName)
}
