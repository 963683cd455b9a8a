const MOST_CHARACTERS = 300
const MOST_FAULTS = 5
const ADDRESS = /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>]+/gi
const DATA_URL = /\bdata:[^\s"'<>]+/gi

export type Scrub = (text: string) => string

/** Takes out what a stranger's text must not carry on: these secrets, addresses, control characters, and all beyond 300 characters. */
export function createScrub(secrets: readonly string[]): Scrub {
  // "Bearer KEY" is said as KEY, too. The longest goes first, or a part of it would stay.
  const hidden = [...new Set(secrets.flatMap((secret) => [secret, ...secret.split(' ')]))].filter((secret) => secret.length >= 4 && secret !== 'Bearer').sort((a, b) => b.length - a.length)
  return (text) => {
    const plain = hidden.reduce((rest, secret) => rest.replaceAll(secret, '…'), text)
    return [...plain.replace(DATA_URL, '[data]').replace(ADDRESS, '[address]').replace(/\p{Cc}+/gu, ' ').trim()].slice(0, MOST_CHARACTERS).join('')
  }
}

/** What the body of a refusal says, in the forms of OpenAI, FastAPI, ComfyUI and plain text; null where it says nothing to people. */
export function whatItSaid(body: string): string | null {
  const text = body.trim()
  if (!/^[[{"]/.test(text)) return text === '' || text.startsWith('<') ? null : text
  try {
    return wordsIn(JSON.parse(text))
  } catch {
    return text // it only begins like JSON
  }
}

/** The words for people in an error, whatever its form; null where there are none. */
export function wordsIn(value: unknown): string | null {
  if (typeof value === 'string') return value === '' ? null : value
  if (Array.isArray(value)) return joined(value.slice(0, MOST_FAULTS).map(wordsIn), '; ')
  if (typeof value !== 'object' || value === null) return null
  const fields: Readonly<Record<string, unknown>> = { ...value }
  const faulty = Array.isArray(fields.loc) ? `${fields.loc.join('.')}: ` : ''
  for (const name of ['error', 'detail', 'message', 'msg', 'errors', 'code', 'type']) {
    const words = wordsIn(fields[name])
    if (words !== null) return joined([`${faulty}${words}`, name === 'message' ? wordsIn(fields.details) : null], ': ')
  }
  return null
}

function joined(parts: readonly (string | null)[], separator: string): string | null {
  const said = parts.filter((part) => part !== null)
  return said.length === 0 ? null : said.join(separator)
}
