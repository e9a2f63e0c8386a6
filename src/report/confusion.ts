// confusion_matrix.png: which class was predicted for which, as a share of the true one.
import type { EChartsOption } from 'echarts'
import { blues, bluesStops } from './colors.ts'
import { noDataOption } from './panels.ts'
import type { ConfusionTable } from './types.ts'

const size = { width: 3000, height: 2250 }
const frame = { left: 420, top: 130, width: 2180, height: 1730 }

/** Below this share a cell stays blank, without a number (v7.0). */
const blankBelow = 0.005

/**
 * Draws confusion_matrix.png (3000 × 2250): columns (true class) divided by their sums. The last row holds what was missed
 * (background predicted), the last column what was found where nothing is. Numbers are written up to 29 classes.
 */
export async function confusionFigure(table: ConfusionTable): Promise<Uint8Array> {
  const { renderChart } = await import('./chart.ts')
  const { drawableNames, fitText, textWidth } = await import('./fonts.ts')
  const side = table.matrix.length
  let total = 0
  for (const row of table.matrix) for (let column = 0; column < side; column++) total += row[column] ?? 0
  if (total === 0) return renderChart(noDataOption(size, 'Confusion Matrix'), size)

  const px = Math.max(12, Math.min(44, (frame.height / side) * 0.5))
  const names = drawableNames(table.names).map((name) => fitText(name, frame.left - 130, px))
  const ticks = [...Array.from({ length: side - 1 }, (_, i) => names[i] ?? String(i)), 'background']
  const namesLength = Math.max(...ticks.map((name) => textWidth(name, px)))
  return renderChart(confusionOption(table.matrix, ticks, px, namesLength), size)
}

function confusionOption(
  matrix: ConfusionTable['matrix'],
  ticks: readonly string[],
  px: number,
  namesLength: number,
): EChartsOption {
  const side = matrix.length
  const shares: { value: [number, number, number]; label: { color: string } }[] = []
  for (let truth = 0; truth < side; truth++) {
    const sum = matrix.reduce((total, row) => total + row[truth]!, 0)
    for (let predicted = 0; predicted < side; predicted++) {
      const share = matrix[predicted]![truth]! / (sum + 1e-9)
      if (share < blankBelow) continue
      shares.push({ value: [truth, predicted, share], label: { color: share > 0.55 ? '#fff' : '#000' } })
    }
  }
  const fits = Math.floor(frame.height / (px * 1.15))
  const axis = {
    type: 'category' as const,
    data: [...ticks],
    splitArea: { show: false },
    axisLine: { show: true, lineStyle: { color: '#000', width: 2 } },
    nameLocation: 'middle' as const,
    nameTextStyle: { fontSize: 44, color: '#000' },
    nameMoveOverlap: false,
  }
  const label = { fontSize: px, color: '#000', interval: Math.max(0, Math.ceil(side / fits) - 1), margin: 18 }
  return {
    title: {
      text: 'Confusion Matrix',
      left: frame.left + frame.width / 2,
      top: 40,
      padding: 0,
      textAlign: 'center',
      textStyle: { fontSize: 50, fontWeight: 'normal', color: '#000' },
    },
    grid: { ...frame, outerBoundsMode: 'none', show: true, borderColor: '#000', borderWidth: 2, z: 1 },
    xAxis: {
      ...axis,
      axisTick: { alignWithLabel: true, length: 10, lineStyle: { color: '#000', width: 2 } },
      axisLabel: { ...label, rotate: 90 },
      name: 'True',
      nameGap: namesLength + 60,
    },
    yAxis: {
      ...axis,
      inverse: true,
      axisTick: { alignWithLabel: true, length: 10, lineStyle: { color: '#000', width: 2 } },
      axisLabel: label,
      name: 'Predicted',
      nameGap: namesLength + 60,
    },
    visualMap: {
      type: 'continuous',
      min: 0,
      max: 1,
      calculable: false,
      inRange: { color: bluesStops },
      orient: 'vertical',
      left: frame.left + frame.width + 90,
      top: frame.top,
      itemWidth: 70,
      itemHeight: frame.height - 130,
      text: ['1.0', '0.0'],
      textGap: 20,
      padding: 0,
      textStyle: { fontSize: 40, color: '#000' },
    },
    series: [
      {
        type: 'heatmap',
        z: 0,
        silent: true,
        data: shares.map((cell) => ({ ...cell, itemStyle: { color: blues(cell.value[2]) } })),
        label: {
          show: side - 1 < 30,
          fontSize: Math.min(44, ((frame.width / side) * 0.9) / 2.4),
          formatter: ({ value }) => (value as number[])[2]!.toFixed(2),
        },
      },
    ],
  }
}
