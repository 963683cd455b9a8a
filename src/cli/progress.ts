const BAR_CELLS = 24
const TICK_MS = 100

/** One line on standard error that says what is going on; on a pipe only each new text, once. */
export interface Progress extends Disposable { say(text: string, percent?: number): void }

export function openProgress(stream: NodeJS.WriteStream = process.stderr): Progress {
  const started = performance.now()
  let text = ''
  let percent: number | undefined
  const draw = () => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5)
    stream.write(`\r\u001b[2K${percent === undefined ? '' : `${bar(percent)} `}${seconds} s  ${text}`)
  }
  const timer = stream.isTTY ? setInterval(draw, TICK_MS) : null
  return {
    say: (newText, newPercent) => {
      const isNew = newText !== text
      text = newText
      percent = newPercent
      if (stream.isTTY) draw()
      else if (isNew) stream.write(`${newText}\n`)
    },
    [Symbol.dispose]: () => {
      if (timer) clearInterval(timer)
      if (stream.isTTY) stream.write('\r\u001b[2K')
    },
  }
}

const bar = (percent: number): string => {
  const filled = Math.round((percent / 100) * BAR_CELLS)
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_CELLS - filled)}`
}
