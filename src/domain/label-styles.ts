/** How a family of models wants its references called in a prompt. */
export type LabelStyle = 'tag' | 'ordinal' | 'bracket' | 'at' | 'kling' | 'character' | 'imageRef0' | 'subject' | 'describe'
