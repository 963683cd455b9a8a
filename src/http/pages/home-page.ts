import type { Character } from '../../domain/character.ts'
import type { Language } from '../../domain/errors.ts'
import { code, section } from './blocks.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'
import { KIND_WORDS, WORDS } from './words.ts'

export interface HomeView {
  readonly language: Language
  readonly publicUrl: string
  /** null: the service asks for keys, so nobody's are shown. */
  readonly latest: readonly Character[] | null
}

/** What this is, how to make a character, and who is here. */
export function homePage({ language, publicUrl, latest }: HomeView): string {
  const key = latest === null ? " \\\n  -H 'authorization: Bearer KEY'" : ''
  const line = `curl -X POST ${publicUrl}/sora/v1/characters${key} \\\n  -H 'content-type: application/json' \\\n  -d '{"url":"https://example.com/clip.mp4","timestamps":"1,3"}'`
  return layout({
    language, title: `Dramatis · ${WORDS.tagline[language]}`,
    body: html`<article class="welcome"><h1>${WORDS.tagline[language]}</h1><p class="lead">${WORDS.intro[language]}</p></article>
${section(WORDS.makeOne[language], code(line), html`<p class="quiet">${WORDS.makeOneHint[language]}</p>`)}
${latest === null ? html`<p class="quiet">${WORDS.keyed[language]}</p>` : section(WORDS.latest[language], cast(latest, language))}`,
  })
}

const cast = (characters: readonly Character[], language: Language): Html => (characters.length === 0
  ? html`<p class="quiet">${WORDS.none[language]}</p>`
  : html`<ul class="cast">${characters.map(({ username, mediaToken, kind }) => html`<li><a href="/@${encodeURIComponent(username)}?lang=${language}">
<img src="/media/${mediaToken}/portrait.webp" width="512" height="512" alt="" loading="lazy"><b>@${username}</b> <span>${KIND_WORDS[kind][language]}</span></a></li>`)}</ul>`)
