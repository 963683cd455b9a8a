import type { Language } from '../../domain/errors.ts'
import type { StepRecord } from '../../runtime/step.ts'
import { html, type Html } from './html.ts'
import { STEP_WORDS, WORDS } from './words.ts'

const WIDTH = 1000
const LEAST_WIDTH = 3

/** Where the time went: one bar in proportion, and the figures below. Attributes only, as the page allows no inline style. */
export function stepsChart(steps: readonly StepRecord[], language: Language): Html {
  const totalMs = Math.max(1, steps.reduce((sum, { ms }) => sum + ms, 0))
  let x = 0
  const bars = steps.map(({ step, ms }, i) => {
    const width = Math.max(LEAST_WIDTH, (ms / totalMs) * WIDTH)
    const bar = html`<rect class="step step-${i % 6}" x="${x.toFixed(1)}" y="0" width="${width.toFixed(1)}" height="14"><title>${STEP_WORDS[step][language]} ${ms} ms</title></rect>`
    x += width
    return bar
  })
  return html`<figure class="steps">
<svg viewBox="0 0 ${x.toFixed(1)} 14" preserveAspectRatio="none" role="img" aria-label="${WORDS.steps[language]}">${bars}</svg>
<figcaption>${steps.map(({ step, ms }, i) => html`<span><i class="step-${i % 6}"></i>${STEP_WORDS[step][language]} <b>${ms}</b> ms</span>`)}<span>${WORDS.together[language]} <b>${totalMs}</b> ms</span></figcaption>
</figure>`
}
