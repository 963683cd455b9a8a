import type { TimeWindow } from '../../domain/window.ts'
import type { WindowPictures } from '../frame.ts'
import type { Calls } from '../protocol.ts'
import type { Container } from './sniff.ts'

export interface OpenedWindow {
  readonly facts: Calls['window']['answers']
  readonly pictures: WindowPictures
}

export interface WindowRequest {
  readonly container: Container
  readonly window: TimeWindow | null
  readonly signal: AbortSignal | undefined
}
