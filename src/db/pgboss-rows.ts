import { sql, type RawBuilder } from 'kysely'
import type { Database } from './database.ts'

// What is asked of pg-boss's own table; all that is written goes through pg-boss. Its group is our account, its singleton key our id, its
// priority minus our rank.

export interface BossQueue { readonly schema: string; readonly name: string }

const WAITING = sql`state < 'active'`
const jobsOf = ({ schema, name }: BossQueue, condition: RawBuilder<unknown>): RawBuilder<unknown> => sql`${sql.table(`${schema}.job`)} where name = ${name} and ${condition}`

export interface Standing {
  readonly waiting: number
  /** Of these, the account's. */
  readonly own: number
  /** That wait, with this one. */
  readonly accounts: number
  /** Of the account's next job: one behind its last, and not ahead of the turn that came last. */
  readonly rank: number
}

interface StandingRow { waiting: number; own: number; accounts: number; last: number | null; first: number | null; turn: number | null }

/** Where an account stands in the queue. */
export async function findStanding(db: Database, queue: BossQueue, account: string): Promise<Standing> {
  const { rows: [row] } = await sql<StandingRow>`
    with waiting as materialized (select group_id, -priority as rank from ${jobsOf(queue, WAITING)})
    select count(*)::int as waiting,
      (count(*) filter (where group_id = ${account}))::int as own,
      (count(distinct group_id) filter (where group_id <> ${account}))::int + 1 as accounts,
      max(rank) filter (where group_id = ${account}) as last,
      min(rank) as first,
      (select -priority from ${jobsOf(queue, sql`state = 'active'`)} order by started_on desc limit 1) as turn
    from waiting`.execute(db)
  const { waiting, own, accounts, last, first, turn } = row
  return { waiting, own, accounts, rank: Math.max((last ?? -Infinity) + 1, turn ?? first ?? 0) }
}

export interface Pace { /** How long one takes; null where none was done lately. */ readonly ms: number | null; readonly running: number }

/** Of the last minute. */
export async function findPace(db: Database, queue: BossQueue): Promise<Pace> {
  const { rows: [row] } = await sql<Pace>`
    select (select (avg(extract(epoch from completed_on - started_on)) * 1000)::float8 from ${jobsOf(queue, sql`state = 'completed' and completed_on > now() - interval '60 s'`)}) as ms,
      (select count(*)::int from ${jobsOf(queue, sql`state = 'active'`)}) as running`.execute(db)
  return row
}

export async function countJobs(db: Database, queue: BossQueue): Promise<{ readonly waiting: number; readonly running: number }> {
  const { rows: [row] } = await sql<{ waiting: number; running: number }>`
    select (count(*) filter (where ${WAITING}))::int as waiting, (count(*) filter (where state = 'active'))::int as running
    from ${jobsOf(queue, sql`state <= 'active'`)}`.execute(db)
  return row
}

/** Which of these ids wait or are worked on. */
export async function findKnown(db: Database, queue: BossQueue, ids: readonly string[]): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`select singleton_key as id from ${jobsOf(queue, sql`state <= 'active' and singleton_key = any(${ids})`)}`.execute(db)
  return rows.map(({ id }) => id)
}
