import sharp from 'sharp'

let isBlocked = false

/** Only what reads these from memory may run: not SVG, not PDF, nothing that looks at files. */
export function blockLoaders(): void {
  if (isBlocked) return
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((format) => `VipsForeignLoad${format}Buffer`) })
  sharp.concurrency(1)
  sharp.cache(false)
  isBlocked = true
}
