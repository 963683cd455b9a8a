import type { Evidence } from '../../characters/requests.ts'
import type { Character } from '../../domain/character.ts'
import type { Language } from '../../domain/errors.ts'
import { byteSize, code, facts, percent, seconds, section } from './blocks.ts'
import { html, type Html } from './html.ts'
import { layout } from './layout.ts'
import { stepsChart } from './steps-chart.ts'
import { KIND_WORDS, QUALITY_WORDS, WORDS } from './words.ts'

export interface CharacterView {
  readonly character: Character
  readonly evidence: Evidence
  readonly language: Language
  readonly publicUrl: string
  readonly isOpen: boolean
}

/** The home page of a finished character. */
export function characterPage(view: CharacterView): string {
  const { character, language } = view
  return layout({
    language, title: `@${character.username} · Dramatis`,
    body: html`${head(view)}${pictures(view)}${seen(view)}${making(view)}`,
  })
}

/** On the page's own origin, whatever name the service is reached by. */
const mediaPath = ({ mediaToken }: Character, name: string): string => `/media/${mediaToken}/${name}`

function head({ character, language, publicUrl, isOpen }: CharacterView): Html {
  const { username, aliases, displayName, description, kind } = character
  const key = isOpen ? '' : " \\\n  -H 'authorization: Bearer KEY'"
  return html`<article class="hero">
<img class="portrait" src="${mediaPath(character, 'portrait.webp')}" width="512" height="512" alt="${WORDS.portraitOf[language]} @${username}">
<div class="about">
<p class="kind">${KIND_WORDS[kind][language]}</p>
<h1>@${username}</h1>
${displayName !== null && html`<p class="display">${displayName}</p>`}
${aliases.length > 0 && html`<p class="quiet">${WORDS.alsoCalled[language]} ${aliases.map((alias) => `@${alias}`).join(' ')}</p>`}
${description !== null && html`<p class="description">${description}</p>`}
<h2>${WORDS.callIt[language]}</h2>
<h3>${WORDS.inPrompt[language]}</h3>
<blockquote><b>@${username}</b> ${WORDS.samplePrompt[language]}</blockquote>
<h3>${WORDS.fromProgram[language]}</h3>
${code(`curl -X POST ${publicUrl}/v1/videos${key} \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify({ prompt: `@${username} ${WORDS.shortPrompt[language]}` })}'`)}
</div>
</article>`
}

function pictures({ character, language }: CharacterView): Html {
  const { hasCutout, hasVoice, references, window } = character
  const figure = (name: string, label: string, style: string): Html =>
    html`<figure class="${style}"><a href="${mediaPath(character, name)}"><img src="${mediaPath(character, name)}" width="512" height="512" alt="${label}" loading="lazy"></a><figcaption>${label}</figcaption></figure>`
  return section(WORDS.pictures[language], html`<div class="stage">
<figure class="clip"><video src="${mediaPath(character, 'clip.mp4')}" poster="${mediaPath(character, 'portrait.webp')}" controls loop muted playsinline preload="metadata"></video><figcaption>${WORDS.clip[language]} · ${seconds((window.endMs - window.startMs) / 1000)}</figcaption></figure>
${hasCutout && figure('cutout.webp', WORDS.cutout[language], 'cutout')}
</div>
<div class="strip">${Array.from({ length: references }, (_, i) => figure(`reference-${i + 1}.webp`, `${WORDS.reference[language]} ${i + 1}`, 'reference'))}</div>
${hasVoice && html`<figure class="voice"><figcaption><b>${WORDS.voice[language]}</b> ${WORDS.voiceNote[language]}</figcaption><audio src="${mediaPath(character, 'voice.wav')}" controls preload="none"></audio></figure>`}`)
}

function seen({ character, language }: CharacterView): Html {
  const { window, source, quality, tags, consent, kind } = character
  const notes = [window.chosenBy === 'service' && WORDS.chosenByService[language], window.isClamped && WORDS.clamped[language]].filter((note) => note !== false)
  return section(WORDS.facts[language], facts([
    [WORDS.kind[language], KIND_WORDS[kind][language]],
    [WORDS.window[language], [`${(window.startMs / 1000).toFixed(2)}–${seconds(window.endMs / 1000)}`, ...notes].join(' · ')],
    [WORDS.source[language], source.host ?? (source.type === 'video' ? WORDS.ownVideo : WORDS.upload)[language]],
    [WORDS.video[language], `${source.width} × ${source.height} · ${source.codec} · ${source.container} · ${seconds(source.durationMs / 1000)}`],
    [WORDS.quality[language], html`<meter min="0" max="1" low="0.4" high="0.7" optimum="1" value="${quality.score}"></meter> ${percent(quality.score)}${quality.reasons.length > 0 && ` · ${quality.reasons.map((reason) => QUALITY_WORDS[reason]?.[language] ?? reason).join(', ')}`}`],
    [WORDS.tags[language], tags.length > 0 ? html`${tags.map((tag) => html`<span class="tag">${tag}</span> `)}` : null],
    [WORDS.consent[language], consent === null ? null : `${consent.basis} · ${consent.by}`],
    [WORDS.made[language], html`<time datetime="${new Date(character.createdAtMs).toISOString()}">${dateIn(language, character.createdAtMs)}</time>`],
  ]))
}

const dateFormat = (locale: string): Intl.DateTimeFormat => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' })
const DATES = { en: dateFormat('en-GB'), zh: dateFormat('zh-CN') } as const // making one costs more than the rest of the page

const dateIn = (language: Language, ms: number): string => `${DATES[language].format(ms)} UTC`

function making({ character, evidence, language }: CharacterView): Html {
  const { bytesRead, requests } = evidence.source
  return section(WORDS.how[language],
    stepsChart(evidence.steps, language),
    html`<p class="quiet">${WORDS.read[language]} ${byteSize(bytesRead)}, ${requests} ${WORDS.requests[language]} · ${evidence.frames} ${WORDS.framesSeen[language]}</p>`,
    html`<h3>${WORDS.subjects[language]}</h3>
<div class="table"><table>
<thead><tr><th>${WORDS.subject[language]}</th><th>${WORDS.kind[language]}</th><th>${WORDS.presence[language]}</th><th>${WORDS.bestAt[language]}</th><th>${WORDS.quality[language]}</th></tr></thead>
<tbody>${evidence.subjects.map(({ id, kind, presence, best }) => html`<tr${id === evidence.chosen.subject && html` class="chosen"`}>
<td>${id}${id === evidence.chosen.subject && html` <span class="tag">${WORDS.chosen[language]}</span>`}</td><td>${KIND_WORDS[kind][language]}</td><td>${percent(presence)}</td><td>${seconds(best.seconds)}</td><td>${percent(best.quality)}</td></tr>`)}</tbody>
</table></div>
<p class="links"><a href="/v1/characters/${character.id}">${WORDS.asJson[language]}</a> <a href="/v1/characters/${character.id}/evidence">${WORDS.evidence[language]}</a></p>`)
}
