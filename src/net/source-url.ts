import { isIP } from 'node:net'
import { AppError } from '../domain/errors.ts'
import { isPublicAddress } from './address.ts'

const MOST_BYTES = 8 * 1024
const HTTP_WITH_HOST = /^https?:\/\/[^/?#]/i
/** A scheme of its own; `localhost:8080` and `example.com:80` are hosts whose scheme was forgotten. */
const OTHER_SCHEME = /^(?!https?:)[a-z][a-z0-9+-]*:(?!\d)/i
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const UNFIT = /[\p{Cc}\s\\]/u

/** Ports at or above 1024 that speak something else, and sit behind firewalls that trust their neighbours. */
const SERVICE_PORTS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, // the fetch standard's list
  1433, 1434, 1521, 2379, 2380, 3306, 5432, 5984, 9042, 9200, 9300, 27017, 27018, 27019, // databases
  6379, 11211, // caches
  2375, 2376, 2377, // Docker
  ...Array.from({ length: 64 }, (_, display) => 6000 + display), // X11
])

/**
 * The address of a video, fit to be asked for. `allow` holds exact `host:port` pairs that are exempt from the address and port rules.
 * Throws `invalid_url` for what is not an absolute http(s) address, `url_not_allowed` for what is not fetched: other schemes, credentials,
 * odd ports, addresses that are not public. A name is judged again by what it resolves to, when it is connected to.
 */
export function parseSourceUrl(text: unknown, allow: readonly string[]): URL {
  const url = readUrl(text)
  const isSpelledAsServed = String(text).toLowerCase().startsWith(`${url.protocol}//${url.hostname}`)
  const isExempt = isSpelledAsServed && isAllowed(url, allow)
  if (url.username !== '' || url.password !== '') throw notAllowed()
  if (!isExempt && !(isFetchedPort(portOf(url)) && isPublicOrName(hostOf(url)))) throw notAllowed()
  url.hash = ''
  return url
}

/** Whether the operator exempted exactly this host, as text, and port. */
export const isAllowed = (url: URL, allow: readonly string[]): boolean => allow.includes(`${url.hostname}:${portOf(url)}`)

export const notAllowed = (): AppError => new AppError('url_not_allowed', { param: 'url' })

function readUrl(text: unknown): URL {
  if (typeof text !== 'string' || Buffer.byteLength(text) > MOST_BYTES || UNFIT.test(text)) throw invalid()
  if (OTHER_SCHEME.test(text)) throw notAllowed()
  const url = HTTP_WITH_HOST.test(text) ? URL.parse(text) : null
  if (url === null) throw invalid()
  return url
}

const invalid = (): AppError => new AppError('invalid_url', { param: 'url' })

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80))

const isFetchedPort = (port: number): boolean => port === 80 || port === 443 || (port >= 1024 && !SERVICE_PORTS.has(port))

/** Without the brackets of an IPv6 address. */
const hostOf = (url: URL): string => url.hostname.replace(/^\[|\]$/g, '')

/** The parser has already turned every spelling of an IPv4 address into the dotted one. */
const isPublicOrName = (host: string): boolean => isIP(host) === 0 || isPublicAddress(host)
