import v8 from 'node:v8'
import vm from 'node:vm'

let collect: ((options: { type: 'minor' }) => void) | null = null

/**
 * Runs the garbage collector now. The memory of a decoded frame, closed or not, is freed by it alone, and V8 does not know how much
 * that is: 900 frames of 1080p grew to 2.7 GB without this, 0.25 GB with it. Frames die young: a minor collection frees them and takes
 * 2 ms where a full one takes 25.
 */
export function collectGarbage(): void {
  collect ??= globalThis.gc ?? exposed()
  collect({ type: 'minor' })
}

function exposed(): (options: { type: 'minor' }) => void {
  v8.setFlagsFromString('--expose-gc')
  const gc: unknown = vm.runInNewContext('gc')
  return typeof gc === 'function' ? (options) => void gc(options) : () => {}
}
