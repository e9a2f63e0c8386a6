// Looks at a folder of images, one after the other, and counts what it finds.
//   predict.ts [folder for the results]
import { dirname, join } from 'node:path'
import { ensureDigits, loadDetector, predict } from 'hypevolve/detect'

// Any detector: best.safetensors of a training, a .pt of YOLOv5, an exported .onnx. This one comes with Hypevolve.
const detector = await loadDetector('yolov5n-digits')
const images = join(dirname(await ensureDigits()), 'images/val')

const counts = new Map<string, number>()
for await (const { path, detections, ms } of predict(detector, join(images, '000?.png'), { confidence: 0.4 })) {
  const names = detections.map(({ className }) => className)
  console.log(`${path}: ${names.join(' ') || 'nothing'} (${ms.inference.toFixed(1)} ms)`)
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
}
console.log(Object.fromEntries(counts))
await detector.close()
