import { html, type Html } from './html.ts'

export const code = (text: string): Html => html`<pre tabindex="0"><code>${text}</code></pre>`

/** Name and value pairs; those without a value are left out. */
export const facts = (rows: readonly (readonly [name: string, value: Html | string | null])[]): Html =>
  html`<dl class="facts">${rows.filter(([, value]) => value !== null).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`

export const section = (title: string, ...content: readonly Html[]): Html => html`<section><h2>${title}</h2>${content}</section>`

export const seconds = (value: number): string => `${value.toFixed(2)} s`
export const percent = (share: number): string => `${Math.round(share * 100)} %`

export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} KiB` : `${(bytes / 1024 ** 2).toFixed(2)} MiB`
}
