import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The browser of this machine, or null where there is none. */
export const browserProgram: string | null = PROGRAMS.find((path) => existsSync(path)) ?? null

export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  if (browserProgram === null) throw new Error('there is no Chromium on this machine')
  return chromium.launch({ executablePath: browserProgram, args: ['--no-sandbox', '--disable-quic', '--autoplay-policy=no-user-gesture-required'] })
}
