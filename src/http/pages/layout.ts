import type { Language } from '../../domain/errors.ts'
import { html, type Html } from './html.ts'
import { ICON_PATH, STYLE_PATH } from './assets.ts'
import { WORDS } from './words.ts'

export interface Page {
  readonly language: Language
  readonly title: string
  readonly body: Html
  /** The page looks again after this many seconds. */
  readonly refreshSeconds?: number
}

const NAMES = { en: 'English', zh: '中文' } as const
const LOCALES = { en: 'en', zh: 'zh-CN' } as const

export const layout = ({ language, title, body, refreshSeconds }: Page): string => html`<!doctype html>
<html lang="${LOCALES[language]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${refreshSeconds !== undefined && html`<meta http-equiv="refresh" content="${refreshSeconds}">`}
<title>${title}</title>
<link rel="icon" href="${ICON_PATH}" type="image/png">
<link rel="stylesheet" href="${STYLE_PATH}">
</head>
<body>
<header class="bar">
<a class="mark" href="/?lang=${language}">Dramatis</a>
<nav aria-label="${WORDS.language[language]}">${languageLinks(language)}</nav>
</header>
<main>
${body}
</main>
<footer class="bar">
<a href="/openapi.json">${WORDS.apiDescription[language]}</a>
<a href="/docs/errors?lang=${language}">${WORDS.errorCodes[language]}</a>
</footer>
</body>
</html>
`.text

const languageLinks = (language: Language): Html[] => (['en', 'zh'] as const).map((other) => (other === language
  ? html`<span aria-current="true">${NAMES[other]}</span>`
  : html`<a href="?lang=${other}" hreflang="${LOCALES[other]}" lang="${LOCALES[other]}">${NAMES[other]}</a>`))
