import { AppError } from './errors.ts'
import { phrase, type Phrase } from './phrase.ts'

const MOST = 40
const MOST_ALIAS = 80

const LETTERS = String.raw`[a-z0-9_\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー]`
const NAME = new RegExp(String.raw`^${LETTERS}+(?:[.\-·]${LETTERS}+)*$`, 'u')
const ALIAS = /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_.\-·#]*$/u

/** What compares equal: full-width, case and composed forms are one. */
export const foldUsername = (text: string): string => text.normalize('NFKC').toLowerCase().normalize('NFC')

/** Kanji and kana that cannot be told apart in a line of text. */
const LOOK_ALIKES: Readonly<Record<string, string>> = { ー: '一', ニ: '二', ロ: '口', カ: '力', タ: '夕', エ: '工', ハ: '八', へ: 'ヘ' }

/** What looks equal, for one namespace: two names with the same skeleton cannot both exist. Not for looking a name up. */
export const skeletonOf = (name: string): string => foldUsername(name)
  .replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('rn', 'm').replaceAll('vv', 'w')
  .replace(/[.\-·]/g, '_')
  .replace(/[ーニロカタエハへ]/g, (char) => LOOK_ALIKES[char])

/** Labels that video models give to their inputs: a prompt could not tell them from a character. */
const LABEL = /^(?:image|picture|video|audio|element|subject|character|voice)[_.\-·]?\d*$/
const ID = /^(?:char|video|evt|req|whe|whd|key)_[0-9a-f]{32}$/
const RESERVED: ReadonlySet<string> = new Set(['all', 'everyone', 'here', 'me', 'admin', 'api', 'system', 'dramatis', 'docs', 'studio', 'media'].map(skeletonOf))

const isReserved = (name: string): boolean => LABEL.test(name) || ID.test(name) || RESERVED.has(skeletonOf(name))

function fault(name: string): Phrase | null {
  const length = [...name].length
  if (length < 2 || length > MOST) return phrase(`it is ${length} long, and 2 to ${MOST} characters are allowed`, `共 ${length} 个字符，应为 2～${MOST} 个`)
  if (!NAME.test(name)) return phrase('a character in it is not allowed, or not there', '含有不允许的字符，或字符位置不当')
  return isReserved(name) ? phrase('it is a reserved word', '这是保留字') : null
}

const withoutSign = (text: string): string => foldUsername(text.trim()).replace(/^@/, '')

/** A name somebody chose, folded. Throws `invalid_username` that says why. */
export function parseUsername(text: string): string {
  const name = withoutSign(text)
  const reason = fault(name)
  if (reason !== null) throw new AppError('invalid_username', { param: 'username', details: { reason } })
  return name
}

/** Whether a folded text can be a username. */
export const isUsername = (name: string): boolean => fault(name) === null

/** A handle from elsewhere, folded: 80 of any letters. Throws `invalid_username`. */
export function parseAlias(text: string): string {
  const alias = withoutSign(text)
  const isOne = ALIAS.test(alias) && [...alias].length <= MOST_ALIAS && !ID.test(alias)
  if (!isOne) throw new AppError('invalid_username', { param: 'aliases', details: { what: 'alias', reason: phrase(`it has more than ${MOST_ALIAS} characters, or one that no handle has`, `超过 ${MOST_ALIAS} 个字符，或含有不允许的字符`) } })
  return alias
}
