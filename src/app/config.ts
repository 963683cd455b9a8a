import { availableParallelism } from 'node:os'
import { isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { STEPS } from '../domain/character.ts'
import { VIDEO_STEPS } from '../domain/video.ts'
import { parseS3Url, type S3Place } from '../objects/s3-place.ts'
import { backendsSetting } from './backends-setting.ts'

const MiB = 1024 * 1024

type Environment = Readonly<Record<string, string | undefined>>
type Read<T> = z.ZodType<T, string | undefined>

interface Setting<T> { readonly help: string; readonly whenAbsent: string; readonly read: (environment: Environment) => Read<T> }

/** `read` is a function where other variables have a say. */
const setting = <T>(help: string, whenAbsent: string, read: Read<T> | ((environment: Environment) => Read<T>)): Setting<T> =>
  ({ help, whenAbsent, read: typeof read === 'function' ? read : () => read })

const wholeNumber = (least: number, most: number) => z.string().regex(/^\d+$/, 'must be a whole number').transform(Number)
  .pipe(z.number().min(least, `must be at least ${least}`).max(most, `must be at most ${most}`))
const list = z.string().transform((text) => text.split(',').map((part) => part.trim()).filter((part) => part !== ''))
const absolute = z.string().refine((text) => /^https?:\/\/[^/?#]+$/.test(text.replace(/\/$/, '')), 'must be like https://dramatis.example.com, without a path')
  .transform((text) => text.replace(/\/$/, ''))
const hostAndPort = z.string().regex(/^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}$/, 'each must be host:port in lower case, such as 127.0.0.1:8099')
const dnsServer = z.string().refine((text) => isIP(text) > 0 || isIP(text.replace(/:\d+$/, '').replace(/^\[|\]$/g, '')) > 0, 'each must be an IP address, with or without :port')
const accountKey = z.string().regex(/^[a-z0-9_-]{1,40}:[\x21-\x7e]{8,512}$/, 'each must be account:key, the key at least 8 characters')

const databaseUrl = z.string().refine((text) => URL.canParse(text) && /^postgres(?:ql)?:$/.test(new URL(text).protocol), 'must be like postgres://user:password@host:5432/database')
const s3Url = z.string().transform((text, context): S3Place | undefined => {
  try {
    return parseS3Url(text)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) }) // it never repeats the secret
  }
})

/** What is made in one process and asked for in another needs a database that both reach. */
const role = ({ DATABASE_URL }: Environment) => z.enum(['all', 'api', 'worker'], 'must be all, api or worker')
  .refine((role) => role === 'all' || Boolean(DATABASE_URL), 'api and worker need a DATABASE_URL, which both use').default('all')

const CRASH_STEPS = [...STEPS, ...VIDEO_STEPS] as const

/** Every setting, read once at start. The table in docs/configuration.md is made from this one. */
export const SETTINGS = {
  HOST: setting('Address to listen on. A public one needs API_KEYS or a key made by `dramatis keys add`.', '127.0.0.1', z.string().min(1).default('127.0.0.1')),
  PORT: setting('Port to listen on; 0 picks a free one.', '7300', wholeNumber(0, 65_535).default(7300)),
  PUBLIC_URL: setting('How people reach this service: permalinks and picture links begin with it.', 'http://HOST:PORT', absolute.optional()),
  ROLE: setting('`api` answers requests, `worker` makes what they ask for, `all` does both. Also `dramatis serve --role=…`.', 'all', role),
  DATABASE_URL: setting('A PostgreSQL database, `postgres://user:password@host:5432/database`, that any number of processes share; its tables are made by the first, whose user should own it. Absent: SQLite in DATA_DIR, for one process.', 'embedded', databaseUrl.optional()),
  DATABASE_POOL: setting('The most connections of one process to DATABASE_URL; the queue and the notices take six more.', '10', wholeNumber(2, 200).default(10)),
  S3_URL: setting('A bucket for pictures, clips and videos, `https://KEY:SECRET@host/bucket?region=us-east-1`. Absent: files in DATA_DIR.', 'disk', s3Url.optional()),
  DATA_DIR: setting('Where the database, pictures and clips are kept, and what is being worked on; the last alone with DATABASE_URL and S3_URL.', './data', z.string().min(1).default('./data').transform((path) => resolve(path))),
  API_KEYS: setting('`account:key` pairs, separated by commas. Absent: open to everyone who can reach it, allowed on a loopback HOST only.', 'open on loopback', list.pipe(z.array(accountKey)).default([])),
  FETCH_ALLOW: setting('`host:port` pairs that videos may be fetched from although the address is private, separated by commas; matched as text.', 'none', list.pipe(z.array(hostAndPort)).default([])),
  FETCH_DNS_SERVERS: setting('DNS servers for the hosts of videos, separated by commas.', "the system's", list.pipe(z.array(dnsServer)).default([])),
  FETCH_MAX_BYTES: setting('The most bytes read from one video.', '209715200', wholeNumber(MiB, 1024 ** 4).default(200 * MiB)),
  UPLOAD_MAX_BYTES: setting('The most bytes in one upload.', '209715200', wholeNumber(MiB, 64 * 1024 * MiB).default(200 * MiB)),
  SYNC_BUDGET_MS: setting('How long a create waits for its character before it answers 504 and goes on.', '50000', wholeNumber(100, 600_000).default(50_000)),
  LENS_PROCESSES: setting('How many videos this process reads at a time, each in a jailed process of its own. None with ROLE=api.', 'processors', wholeNumber(1, 64).default(Math.max(1, availableParallelism()))),
  QUEUE_MAX: setting('How many creates may wait, in all processes together, before more are refused with 429; and as many videos. Who has few among many is let in beyond that.', '64', wholeNumber(0, 100_000).default(64)),
  BACKENDS: setting('What makes videos, besides the embedded `animatic`: a JSON list, or the path of a file that holds one. [How](backends.md).', 'only `animatic`', backendsSetting),
  VIDEOS_AT_ONCE: setting('How many videos this process makes at a time. Most of that is waiting for a backend.', '16', wholeNumber(1, 1000).default(16)),
  VIDEO_DEADLINE_MS: setting('How long a backend may take for one video.', '3600000', wholeNumber(1000, 7 * 24 * 3_600_000).default(3_600_000)),
  HUMAN_POLICY: setting('Real people: `allow`, ask for `consent` in the request, or `reject`.', 'allow', z.enum(['allow', 'consent', 'reject'], 'must be allow, consent or reject').default('allow')),
  METRICS_PUBLIC: setting('`true`: /metrics answers others than loopback.', 'false', z.enum(['true', 'false'], 'must be true or false').default('false').transform((text) => text === 'true')),
  DRAIN_NOTICE_MS: setting('How long /readyz says 503 before connections are refused, when the service ends: a load balancer must have looked by then.', '250', wholeNumber(0, 60_000).default(250)),
  LOG_LEVEL: setting('`info`, `warn`, `error` or `silent`.', 'info', z.enum(['info', 'warn', 'error', 'silent'], 'must be info, warn, error or silent').default('info')),
  CRASH_AT: setting('For tests of faults: the service kills itself on entering this step of a create or a video.', 'never', z.enum(CRASH_STEPS, `must be one of ${CRASH_STEPS.join(', ')}`).optional().transform((step) => step ?? null)),
} as const satisfies Readonly<Record<string, Setting<unknown>>>

type SettingName = keyof typeof SETTINGS
export type Config = { readonly [Name in SettingName]: (typeof SETTINGS)[Name] extends Setting<infer T> ? T : never }

/** What is wrong with the settings, all of it, by variable name. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
  constructor(problems: readonly string[]) {
    super(`These settings cannot be used:\n${problems.map((problem) => `  ${problem}`).join('\n')}`)
  }
}

/** An empty variable counts as absent. `flags`: what was said on the command line counts more. Throws {@link SettingsError} that lists every problem. */
export function readConfig(variables: Environment = process.env, flags: Environment = {}): Config {
  const environment = { ...variables, ...Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined)) }
  const schema = z.object(Object.fromEntries(Object.entries(SETTINGS).map(([name, { read }]) => [name, read(environment)])))
  const given = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, environment[name] === '' ? undefined : environment[name]]))
  const result = schema.safeParse(given)
  if (!result.success) throw new SettingsError(result.error.issues.map(({ path, message }) => `${placeName(path)}: ${message}`))
  return result.data as Config // a parser: the schema is built from the same table as the type
}

/** `BACKENDS[1].models[0].id` */
const placeName = ([variable, ...rest]: readonly PropertyKey[]): string =>
  `${String(variable)}${rest.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')}`

export const databaseFile = ({ DATA_DIR }: Pick<Config, 'DATA_DIR'>): string => join(DATA_DIR, 'dramatis.sqlite')

const LOOPBACK_NAMES = new Set(['localhost', '::1', '[::1]'])
export const isLoopback = (host: string): boolean => LOOPBACK_NAMES.has(host) || /^127\.\d+\.\d+\.\d+$/.test(host)

/** The language of the terminal: Chinese where the locale says so, else English. */
export const terminalLanguage = (environment: Environment = process.env): 'en' | 'zh' =>
  (/^zh/i.test(environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || '') ? 'zh' : 'en')

/** The table for people, in Markdown. */
export const settingsTable = (): string => [
  '| setting | default | what it is |', '| --- | --- | --- |',
  ...Object.entries(SETTINGS).map(([name, { help, whenAbsent }]) => `| \`${name}\` | ${whenAbsent} | ${help} |`),
].join('\n')
