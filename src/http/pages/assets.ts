import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

interface Asset { readonly path: string; readonly type: string; readonly bytes: Buffer }

// Read once with the module, like the code beside it; the name in the address changes with the bytes.
function asset(file: string, type: string): Asset {
  const bytes = readFileSync(new URL(file, import.meta.url))
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { path: `/assets/${hash}-${file}`, type, bytes }
}

export const ASSETS: readonly Asset[] = [asset('style.css', 'text/css; charset=utf-8'), asset('icon.png', 'image/png')]
export const [{ path: STYLE_PATH }, { path: ICON_PATH }] = ASSETS
