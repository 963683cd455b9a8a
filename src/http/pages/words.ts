import type { Kind, Step } from '../../domain/character.ts'
import type { Phrase } from '../../domain/phrase.ts'

/** Every word on the pages, in both languages. */
export const WORDS = {
  language: { en: 'Language', zh: '语言' },
  tagline: { en: 'Characters for AI video that outlive any vendor.', zh: '不随平台消失的 AI 视频角色。' },
  intro: {
    en: 'One to three seconds of any video become a character that a prompt can call by its @username: portrait, cut-out, reference frames, clip, voice and identity, kept on this machine.',
    zh: '从任意视频中取 1～3 秒，即可生成一个能在提示词中用 @用户名 调用的角色：头像、抠图、参考帧、片段、声音与身份特征，全部保存在本机。',
  },
  makeOne: { en: 'Make one', zh: '创建角色' },
  makeOneHint: { en: 'The url of a video, and the seconds in which the character is seen. The answer has its name.', zh: '填写视频地址，以及角色出现的时间段；返回结果中包含角色名称。' },
  latest: { en: 'Latest characters', zh: '最近的角色' },
  none: { en: 'Nobody yet. The line above makes the first one.', zh: '还没有角色。用上面的命令创建第一个吧。' },
  keyed: { en: 'This service asks for a key: send it as Authorization: Bearer KEY. Characters are shown to their owners only.', zh: '本服务需要密钥：请发送 Authorization: Bearer KEY。角色仅对其所有者可见。' },
  apiDescription: { en: 'API description', zh: 'API 描述' },
  errorCodes: { en: 'Error codes', zh: '错误代码' },
  metrics: { en: 'Metrics', zh: '指标' },
  asJson: { en: 'As JSON', zh: 'JSON 格式' },
  evidence: { en: 'Evidence', zh: '依据' },

  portraitOf: { en: 'Portrait of', zh: '头像：' },
  callIt: { en: 'Call it', zh: '调用方式' },
  inPrompt: { en: 'In a prompt', zh: '在提示词中' },
  samplePrompt: { en: 'walks along a rainy street at night, neon in the puddles', zh: ' 走在雨夜的街道上，霓虹灯映在水洼里' },
  shortPrompt: { en: 'walks by the sea', zh: '走在海边' },
  fromProgram: { en: 'From a program', zh: '在程序中' },
  pictures: { en: 'Pictures', zh: '图片' },
  cutout: { en: 'Cut-out', zh: '抠图' },
  reference: { en: 'Reference', zh: '参考帧' },
  clip: { en: 'Clip', zh: '片段' },
  voice: { en: 'Voice', zh: '声音' },
  voiceNote: { en: 'What is spoken in the window.', zh: '该时间段内的说话声。' },
  facts: { en: 'What was seen', zh: '识别结果' },
  kind: { en: 'Kind', zh: '类型' },
  window: { en: 'Window', zh: '时间段' },
  chosenByService: { en: 'chosen by the service', zh: '由服务选择' },
  clamped: { en: 'cut at the end of the video', zh: '已按视频结尾截断' },
  source: { en: 'Source', zh: '来源' },
  alsoCalled: { en: 'Also called', zh: '别名：' },
  ownVideo: { en: 'a video made here', zh: '本服务生成的视频' },
  upload: { en: 'an upload', zh: '上传的文件' },
  video: { en: 'Video', zh: '视频' },
  quality: { en: 'Quality', zh: '质量' },
  description: { en: 'Description', zh: '描述' },
  tags: { en: 'Tags', zh: '标签' },
  made: { en: 'Made', zh: '创建时间' },
  consent: { en: 'Consent', zh: '授权' },
  how: { en: 'How it was made', zh: '生成过程' },
  steps: { en: 'Steps and their times', zh: '各步骤耗时' },
  read: { en: 'Read', zh: '读取' },
  requests: { en: 'requests', zh: '次请求' },
  framesSeen: { en: 'frames looked at', zh: '帧已查看' },
  subjects: { en: 'Subjects in the window', zh: '时间段内的主体' },
  subject: { en: 'Subject', zh: '主体' },
  presence: { en: 'In view', zh: '出现比例' },
  bestAt: { en: 'Best at', zh: '最佳时刻' },
  chosen: { en: 'chosen', zh: '已选' },
  together: { en: 'in all', zh: '总计' },

  working: { en: 'Still being made', zh: '正在生成' },
  workingNote: { en: 'This page looks again every two seconds.', zh: '本页每两秒刷新一次。' },
  failed: { en: 'This one could not be made', zh: '未能生成该角色' },
  notFound: { en: 'Nobody here', zh: '查无此人' },
  notFoundNote: { en: 'There is no such page, or it is not yours to see.', zh: '该页面不存在，或您无权查看。' },
  trouble: { en: 'Something went wrong', zh: '出错了' },
  home: { en: 'Back to the start', zh: '返回首页' },

  status: { en: 'Status', zh: '状态码' },
  code: { en: 'Code', zh: '代码' },
  meaning: { en: 'What it says', zh: '含义' },
  whatToDo: { en: 'What to do', zh: '处理方法' },
  sendAgain: { en: 'Send it again?', zh: '是否重试' },
  againYes: { en: 'Yes, after Retry-After. It passes.', zh: '可以，按 Retry-After 等待后重试。' },
  againNo: { en: 'No. The same request gives the same answer.', zh: '不必，同样的请求会得到同样的结果。' },
  againOfVideo: {
    en: 'It stands in the error of a video, when nothing more is tried for it. Another request makes another video.',
    zh: '该代码出现在视频的 error 字段中，此时服务不会再自动重试；重新提交会生成新的视频。',
  },
  ofVideo: { en: 'error of a video', zh: '视频的 error' },
  envelope: { en: 'How it looks', zh: '返回示例' },
  errorsIntro: { en: 'Every refusal has the same envelope. Codes never change their meaning; messages follow Accept-Language.', zh: '所有错误使用同一格式。代码含义永不改变；文字随 Accept-Language 切换。' },
} as const satisfies Readonly<Record<string, Phrase>>

export const KIND_WORDS: Readonly<Record<Kind, Phrase>> = {
  person: { en: 'person', zh: '人物' }, animal: { en: 'animal', zh: '动物' }, cartoon: { en: 'cartoon', zh: '卡通' }, object: { en: 'object', zh: '物体' },
}

export const STEP_WORDS: Readonly<Record<Step, Phrase>> = {
  open: { en: 'open', zh: '打开' }, window: { en: 'window', zh: '取段' }, see: { en: 'see', zh: '识别' }, choose: { en: 'choose', zh: '选择' }, portrait: { en: 'portrait', zh: '头像' },
  cutout: { en: 'cut-out', zh: '抠图' }, references: { en: 'references', zh: '参考帧' }, identity: { en: 'identity', zh: '身份' }, voice: { en: 'voice', zh: '声音' },
  name: { en: 'name', zh: '命名' }, publish: { en: 'publish', zh: '发布' }, stored: { en: 'stored', zh: '存储' }, committed: { en: 'committed', zh: '提交' },
}

/** Why a portrait is not better, by the lens's names for it. */
export const QUALITY_WORDS: Readonly<Record<string, Phrase>> = {
  small: { en: 'small', zh: '主体较小' },
  blurred: { en: 'blurred', zh: '模糊' },
  badly_lit: { en: 'badly lit', zh: '光线不佳' },
  cut_off: { en: 'cut off', zh: '被画面截断' },
  turned_away: { en: 'turned away', zh: '侧脸' },
  tilted: { en: 'tilted', zh: '头部倾斜' },
  eyes_closed: { en: 'eyes closed', zh: '闭眼' },
  covered: { en: 'covered', zh: '有遮挡' },
  not_alone: { en: 'not alone', zh: '画面中还有他人' },
}
