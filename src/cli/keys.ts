import { parseArgs } from 'node:util'
import { readConfig } from '../app/config.ts'
import { KEY_SCOPES, openKeys } from '../app/keys.ts'
import { UsageError } from './failure.ts'

/** Makes, lists and revokes API keys in the configured database; a running service sees the change at once. */
export async function keys([action, ...args]: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { account: { type: 'string' }, name: { type: 'string' } } })
  await using store = await openKeys(readConfig())
  switch (action) {
    case 'add': {
      if (values.account === undefined || !/^[a-z0-9_-]{1,40}$/.test(values.account)) throw new UsageError('Say whose key it is: --account NAME, of a–z 0–9 _ -')
      const { id, key } = await store.keys.add({ account: values.account, name: values.name ?? 'made on the command line', scopes: KEY_SCOPES })
      console.error(`${id} for ${values.account}. This is the only time the key is shown:`)
      console.log(key)
      return 0
    }
    case 'list':
      for (const { id, account, name, last4, revokedAtMs } of await store.keys.list()) console.log(`${id}  ${account}  …${last4}  ${name}${revokedAtMs === null ? '' : '  revoked'}`)
      return 0
    case 'revoke': {
      if (positionals.length !== 1) throw new UsageError('Name one key id; `dramatis keys list` shows them.')
      const isKnown = await store.keys.revoke(positionals[0])
      if (!isKnown) throw new UsageError(`There is no key ${positionals[0]}.`)
      console.error('Revoked.')
      return 0
    }
    default: throw new UsageError('keys add, keys list or keys revoke')
  }
}
