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
    [['train', '--quad'], '--quad is not supported because'],
    [['train', '--bucket', 'x'], '--bucket is not supported because'],
    [['train', '--cfg', 'yolov5n.yaml'], '--data'],
    [['train', '--data', 'digits', '--weights', ''], '--cfg yolov5n.yaml'],
    [['train', '--data', 'digits', '--cfg', 'yolov5n.yaml', '--device', 'gpu'], '--device gpu'],
    [['trian'], '(Did you mean train?)'],
    [['train', 'data.yaml'], 'too many arguments'],
    [['export', '--weights', 'x', '--include', 'tflite'], '--include tflite is not supported'],
    [['val'], '--weights'],
    [[], 'Usage: hypevolve'],
  ])('answers %j as wrong usage', async (words, message) => {
    const { status, stdout, stderr } = await cli(words, cwd)
    expect(stderr).toContain(message)
    expect(stderr).not.toContain('    at ')
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
  })
})

describe('hypevolve doctor', () => {
  it('finds this machine ready for a small training', async () => {
    const { status, stdout, stderr } = await cli(['doctor', '--imgsz', '64', '--batch-size', '1'], cwd)
    expect(status, stdout + stderr).toBe(0)
    for (const topic of [
      'Program',
      'Node',
      'System',
      'Processor',
      'ONNX Runtime',
      'Layout',
      'Memory',
      'Disk, runs',
      'Disk, cache',
    ])
      expect(stdout).toMatch(new RegExp(`^(ok|--)  ${topic} `, 'm'))
    expect(stdout).toContain('Ready to train.')
  })

  it('says beforehand that a training does not fit into memory', async () => {
    const { status, stdout } = await cli(
      ['doctor', '--cfg', 'yolov5x.yaml', '--imgsz', '4096', '--batch-size', '512'],
      cwd,
    )
    expect(stdout).toMatch(/^!! {2}Memory .* Choose a smaller --batch-size, --imgsz or --cfg\.$/m)
    expect(status).toBe(1)
  })

  it('names a model that is not there', async () => {
    const { status, stdout } = await cli(['doctor', '--cfg', 'yolov9z.yaml'], cwd)
    expect(stdout).toContain('yolov9z.yaml')
    expect(status).toBe(1)
  })
})
