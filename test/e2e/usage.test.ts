// The command line as a new user meets it: help, wrong flags, wrong values.
import { describe, expect, it } from 'vitest'
import { cli } from './helpers.ts'

const cwd = process.cwd()

describe('hypevolve', () => {
  it('prints help and version with exit code 0', async () => {
    const help = await cli(['--help'], cwd)
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toContain('train [options]')
    expect(await cli(['train', '--help'], cwd)).toMatchObject({ status: 0, stderr: '' })
    const version = await cli(['--version'], cwd)
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it.each([
    [['train', '--epochs', '0'], "'--epochs <n>' argument '0' is invalid. It must be 1 or more."],
    [['train', '--epochs', 'ten'], 'Give a whole number.'],
    [['train', '--label-smoothing', 'NaN'], 'Give a number.'],
    [['train', '--epoch', '3'], '(Did you mean --epochs?)'],
    [['train', '--multi-scale'], '--multi-scale is not supported because'],
    [['train', '--bucket', 'x'], '--bucket is not supported because'],
    [['train', '--cfg', 'yolov5n.yaml'], '--data'],
    [['train', '--data', 'digits'], '--cfg yolov5n.yaml'],
    [['train', '--data', 'digits', '--cfg', 'yolov5n.yaml', '--device', 'gpu'], '--device gpu'],
    [['trian'], '(Did you mean train?)'],
    [['train', 'data.yaml'], 'too many arguments'],
    [['export', '--weights', 'x', '--include', 'tflite'], 'only ONNX'],
    [['val'], '--weights'],
    [[], 'Usage: hypevolve'],
  ])('answers %j as wrong usage', async (words, message) => {
    const { status, stdout, stderr } = await cli(words, cwd)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })
})
