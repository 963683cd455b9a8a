import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

interface Asset { readonly name: string; readonly type: string; readonly bytes: Buffer }

// Read once with the module, like the code beside it; the name in the address changes with the bytes.
function asset(file: string, type: string): Asset {
  const bytes = readFileSync(new URL(file, import.meta.url))
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { name: `${hash}-${file}`, type, bytes }
}

const style = asset('style.css', 'text/css; charset=utf-8')
const icon = asset('icon.png', 'image/png')

export const ASSETS: readonly Asset[] = [style, icon]
export const STYLE_PATH = `/assets/${style.name}`
export const ICON_PATH = `/assets/${icon.name}`
