import { ERRORS, isOfVideo, type ErrorCode } from '../../domain/error-table.ts'
import { AppError, isTransient, type Language } from '../../domain/errors.ts'
import type { Phrase } from '../../domain/phrase.ts'
import { errorBody } from '../error-answer.ts'
import { code as codeBlock, facts, section } from './blocks.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'
import { WORDS } from './words.ts'

const codes = Object.keys(ERRORS) as ErrorCode[] // the keys of a table

type Message = (typeof ERRORS)[ErrorCode]['message']

/** One sentence, or one for each case. */
function sentences(message: Message | { readonly by: string; readonly cases: Readonly<Record<string, Phrase>> } | Phrase, language: Language): readonly (readonly [name: string | null, text: string])[] {
  return 'by' in message ? Object.entries(message.cases).map(([name, text]) => [name, text[language]] as const) : [[null, message[language]]]
}

const list = (rows: ReturnType<typeof sentences>): Html => (rows.length === 1
  ? html`<p>${template(rows[0][1])}</p>`
  : facts(rows.map(([name, text]) => [name ?? '', template(text)])))

/** `{param}` stands for a fact that the answer names. */
const template = (text: string): Html => html`${text.split(/(\{\w+\})/).map((part) => (part.startsWith('{') ? html`<var>${part.slice(1, -1)}</var>` : html`${part}`))}`

/** A status, or where else it stands. */
const placeOf = (code: ErrorCode, language: Language): string => (isOfVideo(code) ? WORDS.ofVideo[language] : String(ERRORS[code].status))

function again(code: ErrorCode): Phrase {
  if (isOfVideo(code)) return WORDS.againOfVideo
  return isTransient(code) ? WORDS.againYes : WORDS.againNo
}

function exampleOf(code: ErrorCode, { language, publicUrl }: { readonly language: Language; readonly publicUrl: string }): object {
  const answer = errorBody(new AppError(code), { language, requestId: 'req_…', publicUrl })
  return isOfVideo(code) ? { id: 'video_…', object: 'video', status: 'failed', error: { code, message: answer.error.message } } : answer
}

export function errorListPage(language: Language): string {
  return layout({
    language, title: `${WORDS.errorCodes[language]} · Dramatis`,
    body: html`<article class="welcome"><h1>${WORDS.errorCodes[language]}</h1><p class="lead">${WORDS.errorsIntro[language]}</p></article>
<div class="table"><table><thead><tr><th>${WORDS.status[language]}</th><th>${WORDS.code[language]}</th><th>${WORDS.meaning[language]}</th></tr></thead>
<tbody>${codes.map((code) => html`<tr><td>${placeOf(code, language)}</td><td><a href="/docs/errors/${code}?lang=${language}">${code}</a></td><td>${template(sentences(ERRORS[code].message, language)[0][1])}</td></tr>`)}</tbody></table></div>`,
  })
}

export function errorPage(code: ErrorCode, { language, publicUrl }: { readonly language: Language; readonly publicUrl: string }): string {
  const kind = ERRORS[code]
  const example = exampleOf(code, { language, publicUrl })
  return layout({
    language, title: `${code} · Dramatis`,
    body: html`<article class="welcome"><p class="kind">${placeOf(code, language)}</p><h1 class="code">${code}</h1></article>
${section(WORDS.meaning[language], list(sentences(kind.message, language)))}
${'hint' in kind ? section(WORDS.whatToDo[language], list(sentences(kind.hint, language))) : null}
${section(WORDS.sendAgain[language], html`<p>${again(code)[language]}</p>`)}
${section(WORDS.envelope[language], codeBlock(JSON.stringify(example, null, 2)))}
<p class="links"><a href="/docs/errors?lang=${language}">${WORDS.errorCodes[language]}</a></p>`,
  })
}
