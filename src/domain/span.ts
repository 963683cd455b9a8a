/** `[start, end)` in UTF-16 units of a text. */
export interface Span { readonly start: number; readonly end: number }

/** Which of the spans, in order and apart from each other, an index lies in; to be asked for ascending indices. */
export function spanFinder<S extends Span>(spans: readonly S[]): (at: number) => S | null {
  let next = 0
  return (at) => {
    while (next < spans.length && spans[next].end <= at) next++
    return next < spans.length && spans[next].start <= at ? spans[next] : null
  }
}
