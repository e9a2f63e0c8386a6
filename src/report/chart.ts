// Draws an ECharts option on a canvas and encodes it. Loads ECharts and canvas; import it lazily.
import { createRequire } from 'node:module'
import { type Canvas, createCanvas } from '@napi-rs/canvas'
import type { EChartsOption } from 'echarts'
import { fontFamily } from './fonts.ts'

// The bundle loads in a seventh of the time that the several hundred ES modules behind `import` take.
const echarts = createRequire(import.meta.url)('echarts/dist/echarts.min.js') as typeof import('echarts')
// A canvas of ours has all that ECharts asks of the browser's; `never`, since this program knows no DOM types. The clock
// stands still for it: some series (heatmap) are painted for 15 ms and continued in a later frame, too late for a picture.
echarts.setPlatformAPI({ createCanvas: () => createCanvas(1, 1) as never, getTime: () => 0 })

export interface Size {
  readonly width: number
  readonly height: number
}

/** Pixel sizes are as given (device pixel ratio 1); the background is white, texts are black in the figures' font. */
export async function renderChart(
  option: EChartsOption,
  size: Size,
  type: 'png' | 'jpeg' = 'png',
): Promise<Uint8Array> {
  const canvas = createCanvas(size.width, size.height)
  const chart = echarts.init(canvas as never, null, { ...size, devicePixelRatio: 1, renderer: 'canvas' })
  try {
    chart.setOption({
      animation: false,
      progressive: 0, // all points at once, before the picture is encoded
      backgroundColor: '#ffffff',
      textStyle: { fontFamily: fontFamily(), color: '#000000' },
      ...option,
    })
    return await encode(canvas, type)
  } finally {
    chart.dispose()
  }
}

export async function encode(canvas: Canvas, type: 'png' | 'jpeg'): Promise<Uint8Array> {
  return type === 'png' ? canvas.encode('png') : canvas.encode('jpeg', 92)
}
