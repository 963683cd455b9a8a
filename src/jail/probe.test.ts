import { describe, expect, test } from 'vitest'
import { NO_MODELS, silent, triedJails } from '../../test/support/lenses.ts'
import { JAILS, type Jail } from './jail-kinds.ts'
import { LENS_LIMITS } from './limits.ts'
import { chooseJail } from './probe.ts'

const options = { modelsFolder: NO_MODELS, limits: LENS_LIMITS, log: silent }
const [bubblewrap, prlimit, none] = JAILS
const works = new Set((await triedJails()).filter((tried) => tried.works).map(({ jail }) => jail.kind))

describe('the probe, from inside', () => {
  test.skipIf(!works.has('bubblewrap'))('reaches nothing in bubblewrap', async () => {
    expect((await chooseJail({ ...options, jails: [bubblewrap] })).report).toMatchObject({ kind: 'bubblewrap', reachable: [] })
  })

  test.skipIf(!works.has('prlimit'))('reaches the network and files under prlimit, and finds its memory bounded', async () => {
    const { report } = await chooseJail({ ...options, jails: [prlimit] })
    expect(report).toMatchObject({ kind: 'prlimit', reachable: ['network', 'files', 'writing'] })
  })

  test('reaches everything without a jail', async () => {
    expect((await chooseJail({ ...options, jails: [none] })).report.reachable).toEqual(['network', 'files', 'writing', 'memory'])
  })
})

test('a jail that only claims to be one is not used, nor one that does not start; the next one is', async () => {
  const hollow: Jail = { kind: 'bubblewrap', wrap: () => [] }
  const absent: Jail = { kind: 'prlimit', wrap: () => ['no-such-program'] }
  expect((await chooseJail({ ...options, jails: [hollow, absent, none] })).report.kind).toBe('none')
  await expect(chooseJail({ ...options, jails: [hollow, absent] })).rejects.toThrow(/network, files, writing, memory reachable from inside.*no-such-program/)
})
