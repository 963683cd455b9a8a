import { assert, property, string } from 'fast-check'
import { expect, test } from 'vitest'
import { html } from './html.ts'

test('values are escaped, in text and in attributes', () => {
  expect(html`<a href="${'"><script>'}">${"<b>&'"}</a>`.text).toBe('<a href="&quot;&gt;&lt;script&gt;">&lt;b&gt;&amp;&#39;</a>')
})

test('markup, lists, null and false', () => {
  expect(html`<ul>${['a', '<'].map((item) => html`<li>${item}</li>`)}</ul>${null}${false}${0}`.text).toBe('<ul><li>a</li><li>&lt;</li></ul>0')
})

test('no text can open or close anything', () => {
  assert(property(string({ unit: 'binary' }), (text) => {
    expect(html`${text}`.text).not.toMatch(/[<>"']/)
  }))
})
