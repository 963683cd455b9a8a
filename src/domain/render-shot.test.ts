import { array, assert, constantFrom, integer, property, record } from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Capabilities } from './capabilities.ts'
import { AppError, describeError, detailsIn } from './errors.ts'
import type { CharacterId } from './identifier.ts'
import { LABEL_STYLES, type LabelStyle } from './label-styles.ts'
import { joinTexts, piecesOf, scanMentions } from './mention.ts'
import { renderShot } from './render-shot.ts'
import type { CastMember, RenderedReference, RenderedShot, Shot } from './shot.ts'
import { writeOut } from './write-prompt.ts'

const file = (name: string) => ({ name, key: name, bytes: 1, sha256: '00' })

const member = (username: string, { hasCutout = true, hasVoice = false, ...rest }: Partial<CastMember> & { readonly hasCutout?: boolean; readonly hasVoice?: boolean } = {}): CastMember => ({
  id: `char_${username}` as CharacterId, username, kind: 'animal', revision: 1, description: null, ...rest,
  media: {
    portrait: file(`${username} portrait`), cutout: hasCutout ? file(`${username} cutout`) : null, references: [1, 2, 3].map((n) => file(`${username} ${n}`)),
    clip: file(`${username} clip`), voice: hasVoice ? file(`${username} voice`) : null,
  },
})

const ana = member('ana', { kind: 'person', description: 'a woman with red hair' })
const xiaoming = member('小明', { kind: 'cartoon' })
const bob = member('bob')

/** A shot of a prompt in which everybody of the company may be mentioned. */
function shotOf(prompt: string, { company = [ana, xiaoming, bob], listed = [], ...rest }: Partial<Shot> & { readonly company?: readonly CastMember[]; readonly listed?: readonly CastMember[] } = {}): Shot {
  const pieces = joinTexts(piecesOf(scanMentions(prompt), (name) => company.find(({ username }) => username === name)).pieces)
  const cast = [...new Set([...pieces.flatMap((piece) => ('cast' in piece ? piece.cast : [])), ...listed])]
  const segments = pieces.map((piece) => ('text' in piece ? piece : { ...piece, cast: cast.indexOf(piece.cast) }))
  return { segments, cast, size: '832x480', seconds: 5, seed: null, negativePrompt: null, pictures: 0, ...rest }
}

const PICTURES = { max: 9, mimes: ['image/png'] }
const withClips = (max: number) => ({ image: PICTURES, video: { max, mimes: ['video/mp4'] } })
const withVoices = (max: number) => ({ image: PICTURES, audio: { max, mimes: ['audio/wav'] } })
const can = (rest: Partial<Capabilities> = {}): Capabilities => ({
  maxCharacters: 3, maxReferences: 9, perCharacter: 2, kinds: { image: PICTURES }, prefer: 'image', imageForm: 'as-is', label: 'ordinal', hasPreamble: false, firstFrame: 'none',
  sizes: ['832x480', '480x832', '1280x720'], seconds: { min: 1, max: 10 }, promptMax: 2000, faces: 'ok', hasSeed: true, hasNegativePrompt: true, operations: [], ...rest,
})

const render = (shot: Shot, capabilities: Partial<Capabilities> = {}, facts: Partial<Parameters<typeof renderShot>[2]> = {}): RenderedShot =>
  renderShot(shot, can(capabilities), { what: 'lab/wan', isChinese: false, ...facts })

const shown = (reference: RenderedReference): string => `${reference.kind} ${reference.n} = ${reference.of === 'character' ? `${reference.file.name}${reference.form === 'as-is' ? '' : `, ${reference.form}`}` : `picture ${reference.picture}`}`
const sent = (shot: Shot, capabilities?: Partial<Capabilities>): readonly string[] => render(shot, capabilities).references.map(shown)
const codes = (shot: Shot, capabilities?: Partial<Capabilities>): readonly string[] => render(shot, capabilities).warnings.map(({ code }) => code)

function refusal(shot: Shot, capabilities?: Partial<Capabilities>, facts?: Parameters<typeof render>[2]): unknown {
  try {
    return render(shot, capabilities, facts)
  } catch (error) {
    return error instanceof AppError ? { code: error.code, param: error.param, details: detailsIn('en', error.details) } : error
  }
}

describe('every style of label', () => {
  const ENGLISH = '@ana hugs @{小明}; then @ana laughs'
  const CHINESE = '让@小明在海边遇见@ana，@小明2次'
  const ADJACENT = '@ana@{bob}'
  const TABLE: Readonly<Record<LabelStyle, readonly [string, string, string]>> = {
    tag: ['<Picture 1> hugs <Picture 3>; then <Picture 1> laughs', '让<Picture 1>在海边遇见<Picture 3>，<Picture 1>2次', '<Picture 1><Picture 3>'],
    ordinal: ['Image 1 hugs Image 3; then Image 1 laughs', '让图1在海边遇见图3，图1 2次', 'Image 1 Image 3'],
    bracket: ['[Image 1] hugs [Image 3]; then [Image 1] laughs', '让[Image 1]在海边遇见[Image 3]，[Image 1]2次', '[Image 1][Image 3]'],
    at: ['@Image1 hugs @Image3; then @Image1 laughs', '让 @Image1 在海边遇见 @Image3，@Image1 2次', '@Image1 @Image3'],
    kling: ['<<<image_1>>> hugs <<<image_3>>>; then <<<image_1>>> laughs', '让<<<image_1>>>在海边遇见<<<image_3>>>，<<<image_1>>>2次', '<<<image_1>>><<<image_3>>>'],
    character: ['character1 hugs character3; then character1 laughs', '让 character1 在海边遇见 character3，character1 2次', 'character1 character3'],
    imageRef0: ['<IMAGE_REF_0> hugs <IMAGE_REF_2>; then <IMAGE_REF_0> laughs', '让<IMAGE_REF_0>在海边遇见<IMAGE_REF_2>，<IMAGE_REF_0>2次', '<IMAGE_REF_0><IMAGE_REF_2>'],
    subject: ['@subject1 hugs @subject2; then @subject1 laughs', '让 @subject1 在海边遇见 @subject2，@subject1 2次', '@subject1 @subject2'],
    name: ['@ana hugs @小明; then @ana laughs', '让 @小明 在海边遇见 @ana，@小明 2次', '@ana @bob'],
    describe: [
      'a woman with red hair hugs the character in the reference image; then the same woman with red hair laughs', '让参考图中的角色在海边遇见a woman with red hair，参考图中的角色2次', 'a woman with red hair the character in the reference image',
    ],
  }
  const rows = Object.entries(TABLE).map(([label, texts]) => [label as LabelStyle, ...texts] as const)

  test.each(rows)('%s', (label, english, chinese, adjacent) => {
    expect(render(shotOf(ENGLISH), { label }).prompt).toBe(english)
    expect(render(shotOf(CHINESE), { label }, { isChinese: true }).prompt).toBe(chinese)
    expect(render(shotOf(ADJACENT), { label }).prompt).toBe(adjacent)
  })

  test('clips have labels of their own', () => {
    const clips = { prefer: 'clip', kinds: { image: PICTURES, video: { max: 3, mimes: ['video/mp4'] } } } as const
    const prompts = (['tag', 'ordinal', 'bracket', 'at', 'kling', 'character', 'imageRef0', 'subject', 'describe'] as const).map((label) => render(shotOf('@小明 and @bob'), { ...clips, label }).prompt)
    expect(prompts).toEqual([
      '<Video 1> and <Video 2>', 'Video 1 and Video 2', '[Video 1] and [Video 2]', '@Video1 and @Video2', '<<<video_1>>> and <<<video_2>>>', 'character1 and character2', '<VIDEO_REF_0> and <VIDEO_REF_1>', '@subject1 and @subject2',
      'the character in the reference video and the character in the reference video',
    ])
    expect(render(shotOf('@小明走'), { ...clips, label: 'ordinal' }, { isChinese: true }).prompt).toBe('视频1走')
  })
})

describe('a preamble', () => {
  test('says which references show which subject, mentioned or not', () => {
    const shot = shotOf('@ana hugs @小明', { listed: [bob] })
    expect(render(shot, { label: 'tag', hasPreamble: true }).prompt).toBe(
      '<Subject 1> is a woman with red hair from <Picture 1> and <Picture 2>. <Subject 2> is the character from <Picture 3> and <Picture 4>. <Subject 3> is the character from <Picture 5> and <Picture 6>. <Subject 1> hugs <Subject 2>')
    expect(render(shotOf('@ana 跑'), { hasPreamble: true }, { isChinese: true }).prompt).toBe('图1和图2是a woman with red hair。图1 跑')
    expect(render(shotOf('@小明 runs'), { hasPreamble: true, perCharacter: 1 }).prompt).toBe('Image 1 shows one character. Image 1 runs')
    expect(render(shotOf('nobody'), { label: 'tag', hasPreamble: true }).prompt).toBe('nobody')
  })
})

describe('text that would be read as a label', () => {
  test.each([
    ['tag', 'like <Picture 2> or <subject 1>, @ana', 'like ＜Picture 2＞ or ＜subject 1＞, <Picture 1>'], ['bracket', '[Image 2] and [image3] @ana', '［Image 2］ and ［image3］ [Image 1]'],
    ['kling', 'mail a@b.c <<<image_9>>> @ana', 'mail a＠b.c ＜＜＜image＿9＞＞＞ <<<image_1>>>'], ['at', '\\@Image2 and @ana', '＠Image2 and @Image1'], ['subject', '\\@subject2 @ana', '＠subject2 @subject1'],
    ['imageRef0', '<IMAGE_REF_1> @ana', '＜IMAGE＿REF＿1＞ <IMAGE_REF_0>'],
  ] as const)('%s: %j is written full-width', (label, prompt, expected) => {
    const { prompt: written, warnings } = render(shotOf(prompt), { label })
    expect(written).toBe(expected)
    expect(warnings).toEqual([{ code: 'label_in_text', message: 'Text that lab/wan would read as a reference was written in full-width characters.' }])
  })

  test.each([['ordinal', 'as in Image 2, @ana', 'as in Image 2, Image 1'], ['ordinal', '如图2，@ana', '如图2，Image 1'], ['character', 'Character2 and @ana', 'Character2 and character1']] as const)('%s: %j stays, with a warning', (label, prompt, expected) => {
    expect(render(shotOf(prompt), { label })).toMatchObject({ prompt: expected, warnings: [{ code: 'label_in_text' }] })
  })

  test('also in a description', () => {
    const shot = shotOf('@eve', { company: [member('eve', { description: 'a fox like <Picture 7>' })] })
    expect(render(shot, { label: 'tag', hasPreamble: true })).toMatchObject({ prompt: '<Subject 1> is a fox like ＜Picture 7＞ from <Picture 1> and <Picture 2>. <Subject 1>', warnings: [{ code: 'label_in_text' }] })
  })

  test('is left alone where no family reads it', () => {
    const text = 'a@b.c <Picture 2> [Image 1] <<<x>>> character7 图1'
    expect(render(shotOf(text), { label: 'describe' })).toMatchObject({ prompt: text, warnings: [] })
  })
})

describe('descriptions', () => {
  test('are the owner\'s own words, made to stand in a sentence', () => {
    const shot = shotOf('@eve, then @eve', { company: [member('eve', { description: ' An old\n fox. ' })] })
    expect(render(shot, { label: 'describe' }).prompt).toBe('An old fox, then the same old fox')
  })

  test('are missed when two characters have none', () => {
    expect(codes(shotOf('@bob and @小明'), { label: 'describe' })).toEqual(['description_missing'])
    expect(codes(shotOf('@bob and @ana'), { label: 'describe' })).toEqual([])
    expect(codes(shotOf('@bob and @小明'), { label: 'ordinal' })).toEqual([])
  })
})

describe('references', () => {
  test('are shared out evenly: the portrait, then what shows other sides', () => {
    expect(sent(shotOf('@ana and @bob'), { perCharacter: 9 })).toEqual(['image 1 = ana portrait', 'image 2 = ana 2', 'image 3 = ana 3', 'image 4 = bob portrait', 'image 5 = bob 2', 'image 6 = bob 3'])
    expect(sent(shotOf('@ana and @bob'), { perCharacter: 9, maxReferences: 5 })).toEqual(['image 1 = ana portrait', 'image 2 = ana 2', 'image 3 = bob portrait', 'image 4 = bob 2'])
    expect(sent(shotOf('@ana @bob'), { perCharacter: 9, kinds: { image: { ...PICTURES, max: 2 } } })).toEqual(['image 1 = ana portrait', 'image 2 = bob portrait'])
    expect(sent(shotOf('@bob @ana'), { perCharacter: 1 })).toEqual(['image 1 = bob portrait', 'image 2 = ana portrait'])
  })

  test('that find no room are named in a warning, and their characters described', () => {
    const rendered = render(shotOf('@bob and @ana and @小明'), { maxReferences: 1 })
    expect(rendered.references.map(shown)).toEqual(['image 1 = bob portrait'])
    expect(rendered.prompt).toBe('Image 1 and a woman with red hair and 小明')
    expect(rendered.warnings).toEqual(['ana', '小明'].map((name) => ({ code: 'reference_not_carried', message: expect.stringContaining(`@${name}`) })))
    expect(codes(shotOf('@bob'), { kinds: {} })).toEqual(['reference_not_carried'])
  })

  test('are cut out where that is wanted and was possible', () => {
    const plain = member('plain', { hasCutout: false })
    for (const imageForm of ['white', 'cutout'] as const) {
      expect(sent(shotOf('@ana'), { imageForm })).toEqual([`image 1 = ana cutout, ${imageForm}`, 'image 2 = ana 2'])
      const shot = shotOf('@plain', { company: [plain] })
      expect([sent(shot, { imageForm }), codes(shot, { imageForm })]).toEqual([['image 1 = plain portrait', 'image 2 = plain 2'], ['cutout_missing']])
    }
  })

  test('are clips where they are preferred and taken, else pictures', () => {
    expect(sent(shotOf('@ana @bob'), { prefer: 'clip', kinds: withClips(2) })).toEqual(['video 1 = ana clip', 'video 2 = bob clip'])
    expect(sent(shotOf('@ana'), { prefer: 'image', kinds: withClips(2) })).toEqual(['image 1 = ana portrait', 'image 2 = ana 2'])
    expect(sent(shotOf('@ana'), { prefer: 'image', kinds: { video: withClips(1).video } })).toEqual(['video 1 = ana clip'])
    const one = [shotOf('@ana @bob'), { prefer: 'clip', kinds: withClips(1), perCharacter: 1 }] as const
    expect([sent(...one), codes(...one)]).toEqual([['video 1 = ana clip', 'image 1 = bob portrait'], ['clip_not_carried']])
  })

  test('are voices too where sound is taken, else a warning says so', () => {
    const speakers = { company: [member('eve', { hasVoice: true }), member('mia', { hasVoice: true })] }
    expect(sent(shotOf('@eve @mia', speakers), { perCharacter: 1, kinds: withVoices(2) })).toEqual(['image 1 = eve portrait', 'audio 1 = eve voice', 'image 2 = mia portrait', 'audio 2 = mia voice'])
    const full = [shotOf('@eve @mia', speakers), { perCharacter: 1, kinds: withVoices(1) }] as const
    expect([sent(...full).length, codes(...full)]).toEqual([3, ['voice_not_carried']])
    expect(codes(shotOf('@eve @mia', speakers), { kinds: withVoices(2), maxReferences: 4 })).toEqual(['voice_not_carried', 'voice_not_carried'])
    expect(codes(shotOf('@eve', speakers))).toEqual(['voice_not_carried'])
    expect(codes(shotOf('@ana'))).toEqual([])
  })
})

/** The picture that is the first frame, and the references. */
const frames = (prompt: string, firstFrame: Capabilities['firstFrame'], pictures = 1) => {
  const rendered = render(shotOf(prompt, { pictures }), { firstFrame, perCharacter: 1 })
  return [rendered.firstFrame, ...rendered.references.map(shown)]
}

describe('the user\'s own picture', () => {
  test('is the first frame where there is one and references do not exclude it', () => {
    expect(frames('@ana', 'with references')).toEqual([0, 'image 1 = ana portrait'])
    expect(frames('@ana', 'with references', 2)).toEqual([0, 'image 1 = ana portrait', 'image 2 = picture 1'])
    expect(frames('@ana', 'alone')).toEqual([null, 'image 1 = ana portrait', 'image 2 = picture 0'])
    expect(frames('a cat', 'alone')).toEqual([0])
    expect(frames('a cat', 'alone', 2)).toEqual([null, 'image 1 = picture 0', 'image 2 = picture 1'])
    expect(frames('@ana', 'none')).toEqual([null, 'image 1 = ana portrait', 'image 2 = picture 0'])
  })

  test('takes the room of further pictures of the cast, but not of the first', () => {
    expect(sent(shotOf('@ana', { pictures: 1 }), { perCharacter: 3, maxReferences: 3 })).toEqual(['image 1 = ana portrait', 'image 2 = ana 2', 'image 3 = picture 0'])
    expect(refusal(shotOf('@ana', { pictures: 1 }), { maxReferences: 1 }, { known: { pictures: ['comfy'] } })).toEqual({
      code: 'reference_unsupported', param: 'input_reference', details: { what: 'lab/wan', reason: expect.stringContaining('no place'), limit: 0, asked: 1, known: ['comfy'] },
    })
    expect(refusal(shotOf('@ana', { pictures: 4 }), { maxReferences: 3, firstFrame: 'with references' })).toMatchObject({ code: 'reference_unsupported', details: { limit: 3, asked: 4 } })
    expect(refusal(shotOf('@ana', { pictures: 2 }), { kinds: { image: { ...PICTURES, max: 2 } } })).toMatchObject({ code: 'reference_unsupported', details: { limit: 1, asked: 2 } })
    expect(refusal(shotOf('a cat', { pictures: 1 }), { kinds: {} })).toMatchObject({ code: 'reference_unsupported', details: { limit: 0 } })
  })
})

function told(language: 'en' | 'zh'): string {
  try {
    return render(shotOf('x', { seconds: 12 })).prompt
  } catch (error) {
    return error instanceof AppError ? `${describeError(error, language).message} ${describeError(error, language).hint}` : String(error)
  }
}

describe('refusals', () => {
  test('too many characters', () => {
    expect(refusal(shotOf('@ana @bob @小明'), { maxCharacters: 2 })).toEqual({ code: 'too_many_characters', param: 'prompt', details: { what: 'lab/wan', limit: 2, asked: 3 } })
  })

  test('people, where pictures of them are refused', () => {
    expect(refusal(shotOf('@bob @ana'), { faces: 'refused' }, { known: { people: ['comfy', 'omni'] } })).toEqual({ code: 'faces_refused', param: 'prompt', details: { what: 'lab/wan', names: ['@ana'], known: ['comfy', 'omni'] } })
    expect(refusal(shotOf('@ana'), { faces: 'refused' }, { known: { people: [] } })).toMatchObject({ details: { names: ['@ana'] } })
    expect(render(shotOf('@bob'), { faces: 'refused' }).references).toHaveLength(2)
  })

  test.each([['720x1280', '480x832'], ['1920x1080', '1280x720'], ['848x480', '832x480'], ['640x480', '832x480'], ['1x1', '832x480']])('a size that is not made, %s: the nearest is %s', (size, nearest) => {
    expect(refusal(shotOf('x', { size }))).toEqual({ code: 'invalid_parameter', param: 'size', details: { reason: `lab/wan does not make ${size}`, asked: size, allowed: ['832x480', '480x832', '1280x720'], nearest } })
  })

  test('are told in the language of who asks', () => {
    expect(told('en')).toBe('seconds cannot be used: lab/wan does not make 12 s. seconds must be a whole number from 1 to 10.')
    expect(told('zh')).toBe('参数 seconds 无效：lab/wan 不支持 12 秒。 seconds 应为：1 到 10 的整数。')
  })

  test('seconds that are not made, with the nearest that are', () => {
    const seconds = { min: 2, max: 10 }
    expect([1, 12, 4.4].map((asked) => refusal(shotOf('x', { seconds: asked }), { seconds }))).toEqual([2, 10, 4].map((nearest) => (
      expect.objectContaining({ code: 'invalid_parameter', param: 'seconds', details: expect.objectContaining({ allowed: 'a whole number from 2 to 10', min: 2, max: 10, nearest }) }))))
    expect(refusal(shotOf('x', { seconds: 7 }), { seconds: [4, 8, 12] })).toMatchObject({ param: 'seconds', details: { allowed: [4, 8, 12], asked: 7, nearest: 8 } })
    expect(render(shotOf('x', { seconds: 8 }), { seconds: [4, 8, 12] }).seconds).toBe(8)
  })

  test('a prompt that is too long once its mentions are written out, in code points', () => {
    const shot = shotOf(`@ana ${'😀'.repeat(10)}`)
    expect(render(shot, { label: 'describe', promptMax: 32 }).prompt).toHaveLength(42)
    expect(refusal(shot, { label: 'describe', promptMax: 31 })).toEqual({ code: 'prompt_too_long', param: 'prompt', details: { what: 'lab/wan', limit: 31, asked: 32 } })
  })
})

test('a seed and a negative prompt go along where they are taken, else a warning says so', () => {
  const shot = shotOf('x', { seed: 0, negativePrompt: 'blur' })
  expect(render(shot)).toMatchObject({ seed: 0, negativePrompt: 'blur', warnings: [] })
  expect(render(shot, { hasSeed: false, hasNegativePrompt: false })).toMatchObject({ seed: null, negativePrompt: null, warnings: [{ code: 'seed_not_carried' }, { code: 'negative_prompt_not_carried' }] })
  expect(codes(shotOf('x'), { hasSeed: false, hasNegativePrompt: false })).toEqual([])
})

const prompts = array(constantFrom('@ana', '@bob', '@{小明}', '＠bob', ' runs. ', '，在海边', '\\@', '@@', 'Image 3 ', '<Picture 1>', '[Image 2]', '😀', '2', 'x'), { maxLength: 12 }).map((parts) => parts.join(''))
const COMPANY = [ana, xiaoming, bob]

describe('whatever the prompt and the room', () => {
  const LABELS = (['tag', 'bracket', 'kling', 'imageRef0'] as const).map((label) => ({ label, pattern: { tag: /<Picture \d+>/g, bracket: /\[Image \d+\]/g, kling: /<<<image_\d+>>>/g, imageRef0: /<IMAGE_REF_\d+>/g }[label] }))

  test('every label in the text has its reference, and every mentioned character that has one its label', () => {
    assert(property(record({ prompt: prompts, style: constantFrom(...LABELS), maxReferences: integer({ min: 0, max: 6 }), perCharacter: integer({ min: 1, max: 3 }) }), ({ prompt, style: { label, pattern }, ...room }) => {
      const shot = shotOf(prompt, { company: COMPANY })
      const { prompt: written, references } = render(shot, { label, ...room })
      const firsts = shot.cast.flatMap((_, cast) => references.find((reference) => reference.of === 'character' && reference.cast === cast) ?? [])
      const labels = firsts.map(({ kind, n }, index) => LABEL_STYLES[label].labelOf?.({ kind, n, place: n, cast: index + 1, username: '', isChinese: false }))
      expect(new Set(written.match(pattern) ?? [])).toEqual(new Set(labels))
      expect(references.length).toBeLessThanOrEqual(room.maxReferences)
    }), { numRuns: 500 })
  })

  test('written with every mention as it stands, the prompt is given back', () => {
    assert(property(prompts, (prompt) => {
      const { segments } = shotOf(prompt, { company: COMPANY })
      const asIs = segments.map(({ start, end }) => ({ start, end, text: prompt.slice(start, end) }))
      expect(writeOut(asIs, { wordFor: () => '', textOf: (text) => text, clings: null })).toBe(prompt)
      const sources = segments.flatMap((segment) => ('cast' in segment ? prompt.slice(segment.start, segment.end) : []))
      const mentionsAsIs = segments.map((segment) => ('cast' in segment ? segment : { ...segment, text: prompt.slice(segment.start, segment.end) }))
      expect(writeOut(mentionsAsIs, { wordFor: () => sources.shift() ?? '', textOf: (text) => text, clings: null })).toBe(prompt)
    }), { numRuns: 500 })
  })
})
