import type { CharacterState } from '../../characters/requests.ts'
import { describeError, type AppError, type Language } from '../../domain/errors.ts'
import { html } from './html.ts'
import { layout } from './layout.ts'
import { STEP_WORDS, WORDS } from './words.ts'

type Unfinished = Exclude<CharacterState, { at: 'completed' }>

const LOOK_AGAIN_SECONDS = 2

/** A character still being made, or one that could not be. */
export const unfinishedPage = (state: Unfinished, language: Language): string =>
  (state.at === 'failed' ? failurePage(state.error, state.id, language) : workingPage(state, language))

function workingPage({ id, step, progress }: Extract<Unfinished, { progress: number }>, language: Language): string {
  return layout({
    language, title: `${WORDS.working[language]} · Dramatis`, refreshSeconds: LOOK_AGAIN_SECONDS,
    body: html`<article class="notice"><p class="kind">${progress} %</p><h1>${WORDS.working[language]}</h1>
<progress max="100" value="${progress}">${progress} %</progress>
<p>${step !== null && html`${STEP_WORDS[step][language]} · `}${WORDS.workingNote[language]}</p><p class="quiet"><code>${id}</code></p></article>`,
  })
}

function failurePage(error: AppError, id: string, language: Language): string {
  const { message, hint, code } = describeError(error, language)
  return layout({
    language, title: `${WORDS.failed[language]} · Dramatis`,
    body: html`<article class="notice"><p class="kind"><a href="/docs/errors/${code}?lang=${language}">${code}</a></p><h1>${WORDS.failed[language]}</h1>
<p>${message}</p>${hint !== undefined && html`<p>${hint}</p>`}<p class="quiet"><code>${id}</code></p></article>`,
  })
}

/** A refusal as a page; what is missing and what is somebody else's look alike. */
export function refusalPage(error: AppError, language: Language): string {
  const isMissing = error.status === 404
  const title = isMissing ? WORDS.notFound[language] : WORDS.trouble[language]
  const { message, hint } = describeError(error, language)
  return layout({
    language, title: `${title} · Dramatis`,
    body: html`<article class="notice"><p class="kind">${error.status}</p><h1>${title}</h1>
<p>${isMissing ? WORDS.notFoundNote[language] : message}</p>${!isMissing && hint !== undefined && html`<p>${hint}</p>`}
<p class="links"><a href="/?lang=${language}">${WORDS.home[language]}</a></p></article>`,
  })
}
