// A linear network in ONNX with the inputs and the output that YAHPO's have.
import { ModelWriter } from '../../../src/nn/onnx/model.ts'

/**
 * output = x_cat · ofCategories + x_cont · ofNumbers + constant
 *
 * @param ofCategories - a row for each column of `x_cat`
 * @param ofNumbers - a row for each column of `x_cont`
 */
export function tinyNetwork(
  ofCategories: readonly (readonly number[])[],
  ofNumbers: readonly (readonly number[])[],
  constant: readonly number[],
): Uint8Array {
  const writer = new ModelWriter()
  const width = constant.length
  writer.input('x_cat', { shape: ['batch_size', ofCategories.length], dtype: 'int32' })
  writer.input('x_cont', { shape: ['batch_size', ofNumbers.length], dtype: 'float32' })
  const floats = writer.node('Cast', ['x_cat'], { to: writer.elementType('float32') })
  const categories = writer.node('MatMul', [floats, writer.floats(ofCategories.flat(), [ofCategories.length, width])])
  const numbers = writer.node('MatMul', ['x_cont', writer.floats(ofNumbers.flat(), [ofNumbers.length, width])])
  writer.nodes('Add', [writer.node('Add', [categories, numbers]), writer.floats(constant)], ['output'])
  writer.output('output', { shape: ['batch_size', width], dtype: 'float32' })
  return writer.encode()
}
