import { copyFile, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadModels, modelVector } from './models.ts'

const BUILT = join(import.meta.dirname, '../../models/onnx')
let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-models-'))
  for (const file of (await readdir(BUILT)).filter((name) => name.endsWith('.onnx'))) await symlink(join(BUILT, file), join(folder, file))
})
afterEach(() => rm(folder, { recursive: true }))

test('a missing model is named, with the command that makes it', async () => {
  await rm(join(folder, 'selfie.onnx'))
  await expect(loadModels(folder)).rejects.toThrow(/selfie\.onnx.*npm run models/)
})

test('an altered model is named, and not loaded', async () => {
  await rm(join(folder, 'blazeface.onnx'))
  await copyFile(join(BUILT, 'selfie.onnx'), join(folder, 'blazeface.onnx'))
  await expect(loadModels(folder)).rejects.toThrow(/blazeface\.onnx is not the one/)
  await writeFile(join(folder, 'blazeface.onnx'), '')
  await expect(loadModels(folder)).rejects.toThrow(/blazeface\.onnx is not the one/)
})

test('vectors carry the name of what made them', () => {
  expect([modelVector('dlib-face'), modelVector('nanodet')]).toEqual(['dlib-face-resnet-v1', 'nanodet-g-416/59+62'])
  expect(() => modelVector('selfie')).toThrow('makes no vectors')
})
