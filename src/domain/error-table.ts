import type { Phrase } from './phrase.ts'

/** One sentence, or one per value of a detail: `invalid_timestamps` says a different thing for each rule broken. */
export type Message = Phrase | { readonly by: string; readonly cases: Readonly<Record<string, Phrase>> }

export interface ErrorKind {
  readonly status: number
  /** Where a parameter of the body names what is missing, it is the request that is wrong. */
  readonly statusInBody?: number
  /** Never the answer to a request: it says in a video's `error` how its job ended. */
  readonly isOfVideo?: true
  readonly message: Message
  readonly hint?: Message
}

const UPLOAD_INSTEAD: Phrase = {
  en: 'Open the address in a browser without logging in; if it does not open there, upload the file instead.',
  zh: '请确认该地址无需登录即可打开，或直接上传文件。',
}
const NO_SUCH_NAME: Phrase = { en: 'No character you may use is called {names}.', zh: '没有可用的角色名为 {names}。' }
const WAIT: Phrase = { en: 'Wait {retryAfterSeconds} s and send it again.', zh: '请等待 {retryAfterSeconds} 秒后重试。' }

/**
 * Every error a caller can meet: a closed list, documented page by page, codes never reused.
 * 400 what the request says wrong · 401/403 who · 404 not there or not yours · 409/412 state · 413/415/416 body ·
 * 422 what the source turned out to be · 429/503/504 load.
 */
export const ERRORS = {
  invalid_json: {
    status: 400,
    message: { en: 'The body is not a JSON object: {reason}.', zh: '请求体不是有效的 JSON 对象：{reason}。' },
    hint: { en: 'Fix the JSON there. Comments and trailing commas are not JSON.', zh: '请修正该处的 JSON；JSON 不允许注释和多余逗号。' },
  },
  missing_required_parameter: {
    status: 400,
    message: { en: '{param} is missing.', zh: '缺少参数 {param}。' },
    hint: { en: 'Add {param}, for example {example}.', zh: '请补充参数 {param}，例如 {example}。' },
  },
  invalid_parameter: {
    status: 400,
    message: { en: '{param} cannot be used: {reason}.', zh: '参数 {param} 无效：{reason}。' },
    hint: { en: '{param} must be {allowed}.', zh: '{param} 应为：{allowed}。' },
  },
  invalid_timestamps: {
    status: 400,
    message: {
      by: 'rule',
      cases: {
        syntax: { en: 'timestamps is not two times in seconds.', zh: 'timestamps 不是两个以秒为单位的时间。' },
        count: { en: 'timestamps needs exactly two times, not {count}.', zh: 'timestamps 需要正好两个时间，而不是 {count} 个。' },
        type: { en: 'timestamps is a bare {got}; a lost quote looks like this.', zh: 'timestamps 是裸的 {got}，可能漏了引号。' },
        negative: { en: 'A time in timestamps is negative.', zh: 'timestamps 中的时间不能为负。' },
        reversed: { en: 'The window starts at {start} s and ends before that, at {end} s.', zh: '窗口起点 {start} 秒晚于终点 {end} 秒。' },
        too_short: { en: 'The window is {seconds} s wide; the least is 1 s.', zh: '窗口宽 {seconds} 秒，最少 1 秒。' },
        too_long: { en: 'The window is {seconds} s wide; the most is 3 s.', zh: '窗口宽 {seconds} 秒，最多 3 秒。' },
      },
    },
    hint: { en: 'Two times in seconds, 1 to 3 s apart, as a string: "1,3".', zh: '请用字符串写两个秒数，相差 1～3 秒，例如 "1,3"。' },
  },
  invalid_username: {
    status: 400,
    message: {
      by: 'what',
      cases: {
        username: { en: 'This username cannot be used: {reason}.', zh: '该用户名不可用：{reason}。' },
        alias: { en: 'This alias cannot be used: {reason}.', zh: '该别名不可用：{reason}。' },
      },
    },
    hint: {
      by: 'what',
      cases: {
        username: { en: 'Use 2–40 letters, digits, _ . - or CJK, and not a reserved word.', zh: '用户名为 2～40 个字母、数字、_ . - 或中日韩文字，且不能是保留字。' },
        alias: { en: 'Use up to 80 letters of any script, digits, _ . - · or #, beginning with a letter, a digit or _.', zh: '别名最多 80 个字符：任何文字的字母、数字、_ . - · 或 #，以字母、数字或 _ 开头。' },
      },
    },
  },
  invalid_url: {
    status: 400,
    message: { en: 'The url is not an absolute http(s) address.', zh: 'url 不是完整的 http(s) 地址。' },
    hint: { en: 'Give the whole address, starting with https://, at most 8 KiB.', zh: '请填写以 https:// 开头的完整地址，最多 8 KiB。' },
  },
  url_not_allowed: {
    status: 400,
    message: { en: 'This service does not fetch from that address.', zh: '本服务不会访问该地址。' },
    hint: { en: 'Use a public http(s) URL without a password. Operators can allow one host:port with FETCH_ALLOW.', zh: '请使用公网 http(s) 地址；管理员可用 FETCH_ALLOW 放行某个 host:port。' },
  },
  too_many_characters: {
    status: 400,
    message: {
      by: 'where',
      cases: {
        backend: { en: 'Characters in one video: {what} takes at most {limit}, and this asks for {asked}.', zh: '{what} 每个视频最多 {limit} 个角色，此请求有 {asked} 个。' },
        request: { en: 'One request takes at most {limit} characters, and this names {asked}.', zh: '一个请求最多 {limit} 个角色，此请求提到 {asked} 个。' },
      },
    },
    hint: {
      by: 'where',
      cases: {
        backend: { en: 'Mention at most {limit}, or choose a backend that takes more: GET /v1/backends.', zh: '请最多提及 {limit} 个，或换用支持更多角色的后端：GET /v1/backends。' },
        request: { en: 'Name at most {limit}.', zh: '请最多提及 {limit} 个。' },
      },
    },
  },
  prompt_too_long: {
    status: 400,
    message: { en: 'The prompt is {asked} characters long once its mentions are written out; {what} takes {limit}.', zh: '展开提及后提示词共 {asked} 个字符，{what} 最多 {limit} 个。' },
    hint: { en: 'Shorten it to {limit} characters.', zh: '请缩短到 {limit} 个字符以内。' },
  },
  model_not_found: {
    status: 400,
    message: { en: 'There is no such model or backend here.', zh: '没有这个模型或后端。' },
    hint: { en: 'Use one of: {known}.', zh: '请使用：{known}。' },
  },
  reference_unsupported: {
    status: 400,
    message: { en: '{what} cannot take this reference: {reason}.', zh: '{what} 无法使用该参考：{reason}。' },
    hint: { en: 'Leave it out, or choose one of: {known}.', zh: '请去掉该参考，或改用：{known}。' },
  },
  operation_unsupported: {
    status: 400,
    message: { en: '{what} cannot do this: {operation}.', zh: '{what} 不支持该操作：{operation}。' },
    hint: { en: 'These backends can: {known}.', zh: '支持该操作的后端：{known}。' },
  },
  faces_refused: {
    status: 400,
    message: { en: '{what} refuses pictures of people.', zh: '{what} 不接受真人形象。' },
    hint: { en: 'Choose a backend that accepts people: {known}.', zh: '请选择接受真人的后端：{known}。' },
  },
  missing_api_key: {
    status: 401,
    message: { en: 'No API key was sent.', zh: '未提供 API 密钥。' },
    hint: { en: 'Send Authorization: Bearer KEY.', zh: '请发送 Authorization: Bearer KEY。' },
  },
  invalid_api_key: {
    status: 401,
    message: { en: 'This API key is not known.', zh: 'API 密钥无效。' },
    hint: {
      by: 'reason',
      cases: {
        placeholder: { en: 'Replace the placeholder with your own key.', zh: '请将占位符替换为你自己的密钥。' },
        unknown: { en: 'Check the key; it may have been revoked.', zh: '请检查密钥：可能已吊销。' },
      },
    },
  },
  insufficient_scope: {
    status: 403,
    message: { en: 'This key may not do that.', zh: '该密钥无此权限。' },
    hint: { en: 'Use a key with scope {needed}.', zh: '请使用具有 {needed} 权限的密钥。' },
  },
  consent_required: {
    status: 403,
    message: { en: 'A person is in the window, and this service asks for consent.', zh: '窗口中有真人，本服务要求提供授权。' },
    hint: { en: 'Add consent {basis, by} from the person shown.', zh: '请附上当事人的授权信息 consent {basis, by}。' },
  },
  character_not_found: {
    status: 404,
    statusInBody: 400,
    message: {
      by: 'where',
      cases: {
        path: { en: 'There is no such character.', zh: '没有这个角色。' },
        list: NO_SUCH_NAME,
        prompt: NO_SUCH_NAME,
        suggested: NO_SUCH_NAME,
        suggested_in_list: NO_SUCH_NAME,
      },
    },
    hint: {
      by: 'where',
      cases: {
        path: { en: 'Check the name or id; GET /v1/characters lists yours.', zh: '请检查名称或 id；GET /v1/characters 可列出你的角色。' },
        list: { en: 'Check the name or id; GET /v1/characters lists yours.', zh: '请检查名称或 id；GET /v1/characters 可列出你的角色。' },
        prompt: { en: 'Check the name; GET /v1/characters lists yours. Write \\@ for a plain @.', zh: '请检查名称；GET /v1/characters 可列出你的角色。普通 @ 请写成 \\@。' },
        suggested: { en: 'Did you mean {mentions}? Write \\@ for a plain @.', zh: '是否想写 {mentions}？普通 @ 请写成 \\@。' },
        suggested_in_list: { en: 'Did you mean {mentions}?', zh: '是否想写 {mentions}？' },
      },
    },
  },
  video_not_found: {
    status: 404,
    statusInBody: 400,
    message: { en: 'There is no such video.', zh: '没有这个视频。' },
    hint: { en: 'Check the id; GET /v1/videos lists yours.', zh: '请检查 id；GET /v1/videos 可列出你的视频。' },
  },
  not_found: {
    status: 404,
    message: { en: 'There is nothing at this address.', zh: '该地址没有内容。' },
    hint: { en: 'See {see}.', zh: '参见 {see}。' },
  },
  method_not_allowed: {
    status: 405,
    message: { en: 'This address does not take {method}.', zh: '该地址不支持 {method}。' },
    hint: { en: 'Use {allow}.', zh: '请使用 {allow}。' },
  },
  username_taken: {
    status: 409,
    message: { en: 'This username is taken, or looks like one that is.', zh: '该用户名已被占用，或与已有名称过于相似。' },
    hint: { en: 'Free ones: {suggestions}.', zh: '可用的名称：{suggestions}。' },
  },
  character_not_ready: {
    status: 409,
    statusInBody: 400,
    message: { en: 'This character is not finished.', zh: '该角色尚未完成。' },
    hint: { en: 'Read GET /v1/characters/ID until its status is completed.', zh: '请轮询 GET /v1/characters/ID，直到 status 为 completed。' },
  },
  video_not_ready: {
    status: 409,
    message: { en: 'This video is not finished.', zh: '该视频尚未完成。' },
    hint: { en: 'Read GET /v1/videos/ID until its status is completed.', zh: '请轮询 GET /v1/videos/ID，直到 status 为 completed。' },
  },
  video_failed: {
    status: 409,
    message: { en: 'This video failed, so it has no content.', zh: '该视频生成失败，没有内容。' },
    hint: { en: 'Its error says why: GET /v1/videos/ID.', zh: '失败原因见 GET /v1/videos/ID 的 error 字段。' },
  },
  idempotency_key_reused: {
    status: 409,
    message: { en: 'This Idempotency-Key belongs to an earlier request with other fields.', zh: '该 Idempotency-Key 已用于字段不同的另一请求。' },
    hint: { en: 'Use a new key for a new request.', zh: '新请求请使用新的 key。' },
  },
  precondition_failed: {
    status: 412,
    message: { en: 'The character has changed: it is at revision {revision}.', zh: '该角色已被修改，当前版本为 {revision}。' },
    hint: { en: 'Read it again, then change it.', zh: '请重新读取后再修改。' },
  },
  request_too_large: {
    status: 413,
    message: { en: 'The body is larger than {max_bytes} bytes.', zh: '请求体超过 {max_bytes} 字节。' },
    hint: { en: 'Send less, or a URL instead of the file.', zh: '请减小内容，或改用 URL。' },
  },
  unsupported_media_type: {
    status: 415,
    message: { en: 'This body cannot be read: {got}.', zh: '无法读取该请求体：{got}。' },
    hint: { en: "Add -H 'content-type: application/json'.", zh: "请添加 -H 'content-type: application/json'。" },
  },
  range_not_satisfiable: {
    status: 416,
    message: { en: 'The range lies outside the file.', zh: '请求的范围超出文件。' },
    hint: { en: 'The file has {bytes} bytes.', zh: '文件共 {bytes} 字节。' },
  },
  source_unreachable: {
    status: 422,
    message: { en: 'The host of this address could not be reached.', zh: '无法连接该地址的主机。' },
    hint: UPLOAD_INSTEAD,
  },
  source_http_error: {
    status: 422,
    message: { en: 'The host of the video answered {status}.', zh: '源站返回 {status}。' },
    hint: { en: 'Hot-link protection and expired links do that; open it without logging in, or upload the file.', zh: '防盗链或链接过期会导致此情况；请确认无需登录即可打开，或直接上传文件。' },
  },
  source_timeout: {
    status: 422,
    message: { en: 'The host of the video was too slow.', zh: '源站响应过慢。' },
    hint: { en: 'Upload the file, or use a faster host.', zh: '请上传文件，或换用更快的源站。' },
  },
  source_too_large: {
    status: 422,
    message: { en: 'Reading this window takes more than {max_bytes} bytes.', zh: '读取该窗口需要超过 {max_bytes} 字节。' },
    hint: { en: 'Use a shorter clip, one with its index at the front, or a host that answers ranges.', zh: '请使用更短或索引前置（faststart）的视频，或支持 Range 的源站。' },
  },
  source_redirect: {
    status: 422,
    message: { en: 'The address redirects in a loop, too often, or to nowhere.', zh: '该地址循环跳转、跳转过多或没有目标。' },
    hint: { en: 'Give the final address.', zh: '请提供最终地址。' },
  },
  source_incomplete: {
    status: 422,
    message: { en: 'The video ended before its stated length.', zh: '视频数据提前结束。' },
    hint: { en: 'Try again, or upload the file.', zh: '请重试或上传文件。' },
  },
  source_protocol_error: {
    status: 422,
    message: { en: 'The answer of the video host is not valid HTTP.', zh: '源站响应不符合 HTTP 规范。' },
    hint: UPLOAD_INSTEAD,
  },
  source_changed: {
    status: 422,
    message: { en: 'The video changed while it was read.', zh: '读取过程中视频发生变化。' },
    hint: { en: 'Try again when it no longer changes.', zh: '文件正在变化，请稍后再试。' },
  },
  media_unsupported: {
    status: 422,
    message: {
      by: 'of',
      cases: {
        video: { en: 'This is not a video that can be read here.', zh: '这不是可读取的视频。' },
        picture: { en: 'This is not a picture that can be read here.', zh: '这不是可读取的图片。' },
      },
    },
    hint: { en: 'These are read: {reads}.', zh: '支持的格式：{reads}。' },
  },
  media_corrupt: {
    status: 422,
    message: {
      by: 'of',
      cases: {
        video: { en: 'No frame of this video could be decoded.', zh: '无法解码该视频的任何画面。' },
        picture: { en: 'This picture could not be decoded.', zh: '无法解码该图片。' },
      },
    },
    hint: {
      by: 'of',
      cases: {
        video: { en: 'Export the clip again.', zh: '请重新导出视频。' },
        picture: { en: 'Export the picture again.', zh: '请重新导出图片。' },
      },
    },
  },
  media_encrypted: {
    status: 422,
    message: { en: 'This video is encrypted (DRM).', zh: '该视频已加密（DRM）。' },
    hint: { en: 'Use an unprotected copy.', zh: '请使用未加密的副本。' },
  },
  media_no_video: {
    status: 422,
    message: { en: 'This file has no video track.', zh: '文件中没有视频画面。' },
    hint: { en: 'Send a file with moving pictures.', zh: '请发送包含视频画面的文件。' },
  },
  media_too_large: {
    status: 422,
    message: {
      by: 'what',
      cases: {
        pixels: { en: 'A frame has {asked} pixels, and at most {most} are taken.', zh: '每帧 {asked} 像素，上限为 {most}。' },
        frames: { en: 'The window takes {asked} frames to decode, and at most {most} are taken.', zh: '该窗口需解码 {asked} 帧，上限为 {most}。' },
        bytes: { en: 'There are {asked} bytes to read, and at most {most} are taken.', zh: '需读取 {asked} 字节，上限为 {most}。' },
        tracks: { en: 'The video has {asked} tracks, and at most {most} are taken.', zh: '视频有 {asked} 条轨道，上限为 {most}。' },
        tables: { en: 'The tables of the video come to {asked}, and at most {most} are taken.', zh: '视频的索引表为 {asked}，上限为 {most}。' },
      },
    },
    hint: {
      by: 'what',
      cases: {
        pixels: { en: 'Scale the video down to at most {most} pixels a frame.', zh: '请将画面缩小到每帧最多 {most} 像素。' },
        frames: { en: 'Choose a window just after a key frame, lower the frame rate, or scale it down.', zh: '请选择紧跟关键帧的窗口，降低帧率或分辨率。' },
        bytes: { en: 'Choose a shorter window or a lower bit rate.', zh: '请选择更短的窗口或更低的码率。' },
        tracks: { en: 'Keep one video and one audio track.', zh: '请只保留一条视频轨和一条音轨。' },
        tables: { en: 'Cut the video into shorter files.', zh: '请将视频切成更短的文件。' },
      },
    },
  },
  timestamps_out_of_range: {
    status: 422,
    message: { en: 'The window {start}–{end} s is not inside the video, which is {duration} s long.', zh: '窗口 {start}–{end} 秒不在视频内，视频时长 {duration} 秒。' },
    hint: { en: 'Choose a window inside 0–{duration} s.', zh: '请在 0–{duration} 秒内选择窗口。' },
  },
  no_character_found: {
    status: 422,
    message: { en: 'Nobody and nothing stays in view in this window.', zh: '该窗口内没有持续出现的角色。' },
    hint: { en: 'Choose seconds in which the subject is large, sharp and stays in view.', zh: '请选择主体更大、更清晰并持续出现的片段。' },
  },
  ambiguous_character: {
    status: 422,
    message: { en: 'Several subjects are equally plain in this window.', zh: '该窗口内有多个同样明显的主体。' },
    hint: { en: 'Say which one: {subjects}.', zh: '请用 subject 指定：{subjects}。' },
  },
  subject_not_found: {
    status: 422,
    message: { en: 'The subject asked for is not in this window.', zh: '该窗口内没有指定的主体。' },
    hint: { en: 'These are in it: {subjects}.', zh: '窗口内有：{subjects}。' },
  },
  person_not_allowed: {
    status: 422,
    message: { en: 'A person is in the window, and this service takes no people.', zh: '窗口中有真人，本服务不接受真人。' },
    hint: { en: 'Ask the operator of this service.', zh: '请联系管理员。' },
  },
  lens_failed: {
    status: 422,
    message: {
      by: 'work',
      cases: {
        reading: { en: 'Reading this video failed twice.', zh: '读取该视频连续失败两次。' },
        drawing: { en: 'Drawing this preview failed twice.', zh: '绘制该预览连续失败两次。' },
      },
    },
    hint: {
      by: 'work',
      cases: {
        reading: { en: 'Export the clip again, or choose another window; send it once more if the machine was overloaded.', zh: '请重新导出视频，或选择其他窗口；若当时机器过载，可再试一次。' },
        drawing: { en: 'Ask for a shorter or smaller one.', zh: '请缩短时长或减小尺寸。' },
      },
    },
  },
  backend_rejected: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The backend refused this video: {said}', zh: '后端拒绝了该视频：{said}' },
    hint: { en: 'Change what it names, or choose another backend.', zh: '请按其说明修改，或换用其他后端。' },
  },
  backend_unavailable: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The backend could not be reached, or was overloaded, at every try.', zh: '多次尝试后仍无法连接后端，或后端过载。' },
    hint: { en: 'Try again later; GET /v1/backends says which ones answer.', zh: '请稍后再试；GET /v1/backends 可查看各后端是否可用。' },
  },
  backend_timeout: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The backend was not done within {seconds} s.', zh: '后端未能在 {seconds} 秒内完成。' },
    hint: { en: 'Ask for a shorter or smaller video, or choose a faster backend.', zh: '请缩短时长或减小尺寸，或换用更快的后端。' },
  },
  backend_lost: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The backend forgot this video, twice.', zh: '后端两次丢失了该任务。' },
    hint: { en: 'It was probably restarted; send the request again.', zh: '后端可能重启过；请重新提交。' },
  },
  output_invalid: {
    status: 422,
    isOfVideo: true,
    message: { en: 'What the backend gave as the video cannot be used: {reason}.', zh: '后端返回的视频无法使用：{reason}。' },
    hint: { en: 'Send the request again; if it stays so, tell the operator of the backend.', zh: '请重新提交；若仍如此，请联系后端的管理员。' },
  },
  output_expired: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The backend no longer has the finished video.', zh: '后端已不再保存该视频。' },
    hint: { en: 'Send the request again.', zh: '请重新提交。' },
  },
  character_revoked: {
    status: 422,
    isOfVideo: true,
    message: { en: 'A character of this video was deleted, or may no longer be used, before it was made.', zh: '该视频的某个角色在生成前被删除或不再可用。' },
    hint: { en: 'Send the request again without it.', zh: '请去掉该角色后重新提交。' },
  },
  cancelled: {
    status: 422,
    isOfVideo: true,
    message: { en: 'The video was cancelled.', zh: '该视频已取消。' },
    hint: { en: 'Send the request again when you want it.', zh: '需要时请重新提交。' },
  },
  queue_full: { status: 429, message: { en: 'The queue is full.', zh: '队列已满。' }, hint: WAIT },
  internal_error: {
    status: 500,
    message: { en: 'Something is wrong inside the service.', zh: '服务内部出错。' },
    hint: { en: 'Report it with the request id.', zh: '请附 request id 报告此问题。' },
  },
  shutting_down: { status: 503, message: { en: 'The service is shutting down.', zh: '服务正在关闭。' }, hint: WAIT },
  storage_unavailable: { status: 503, message: { en: 'The store for pictures cannot be reached.', zh: '存储暂不可用。' }, hint: WAIT },
  storage_full: { status: 503, message: { en: 'The disk of this service is full.', zh: '服务磁盘已满。' }, hint: WAIT },
  database_unavailable: { status: 503, message: { en: 'The database cannot be reached.', zh: '数据库暂不可用。' }, hint: WAIT },
  lens_unavailable: { status: 503, message: { en: 'The part that reads videos cannot be started.', zh: '视频读取组件无法启动。' }, hint: WAIT },
  character_processing_timeout: {
    status: 504,
    message: { en: 'Still working on it; send the same request again to wait for it.', zh: '仍在处理中；请原样重发以继续等待。' },
    hint: { en: 'Send the same request again, or follow Location.', zh: '请原样重发，或访问 Location。' },
  },
} as const satisfies Readonly<Record<string, ErrorKind>>

export type ErrorCode = keyof typeof ERRORS
const ERROR_CODES: ReadonlySet<string> = new Set(Object.keys(ERRORS))
export const isErrorCode = (text: string): text is ErrorCode => ERROR_CODES.has(text)

/** Whether it says how the job of a video ended, and is never the answer to a request. */
export const isOfVideo = (code: ErrorCode): boolean => 'isOfVideo' in ERRORS[code]
