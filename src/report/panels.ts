// Framed panels on one picture, in the manner of Matplotlib: ECharts grids, axes and titles placed in pixels.
import type { EChartsOption, SeriesOption } from 'echarts'
import type { Size } from './chart.ts'
import type { Axis } from './ticks.ts'

export interface Rect {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export interface Panel {
  readonly rect: Rect
  readonly title?: string
  readonly titlePx?: number
  readonly x: Axis
  readonly y: Axis
  readonly xName?: string
  readonly yName?: string
  /** Whether the axes show tick marks with labels. Default true. */
  readonly xTicks?: boolean
  readonly yTicks?: boolean
  /** Faint lines at the ticks. Default false. */
  readonly gridLines?: boolean
}

/** Space between the end of a tick mark and its label, and the length of a mark, in units of the font size. */
export const tickLength = 0.42
export const tickGap = 0.32

/** Grids, axes and titles of the panels; series name theirs by `xAxisIndex` and `yAxisIndex` = index of the panel. */
export function panelsOption(panels: readonly Panel[], px: number, series: readonly SeriesOption[]): EChartsOption {
  const line = Math.max(1, px * 0.12)
  const axis = (panel: Panel, index: number, side: 'x' | 'y') => {
    const { min, max, ticks, label } = panel[side]
    const shown = (side === 'x' ? panel.xTicks : panel.yTicks) ?? true
    const name = side === 'x' ? panel.xName : panel.yName
    return {
      type: 'value' as const,
      gridIndex: index,
      min,
      max,
      axisLine: { show: false, onZero: false },
      splitLine: {
        show: panel.gridLines ?? false,
        customValues: [...ticks],
        lineStyle: { color: '#e3e3e3', width: line },
      },
      axisTick: {
        show: shown,
        customValues: [...ticks],
        length: px * tickLength,
        lineStyle: { color: '#000', width: line },
      },
      axisLabel: {
        show: shown,
        customValues: [...ticks],
        formatter: label,
        fontSize: px,
        color: '#000',
        margin: px * (tickLength + tickGap),
        showMinLabel: true,
        showMaxLabel: true,
      },
      axisPointer: { show: false },
      ...(name === undefined
        ? {}
        : {
            name,
            nameLocation: 'middle' as const,
            nameGap: px * (side === 'x' ? 2.2 : 3.6),
            nameTextStyle: { fontSize: px * 1.1, color: '#000' },
            nameMoveOverlap: false,
          }),
    }
  }
  return {
    grid: panels.map(({ rect }) => ({
      left: rect.x,
      top: rect.y,
      width: rect.width,
      height: rect.height,
      outerBoundsMode: 'none' as const,
      show: true,
      borderColor: '#000',
      borderWidth: line,
      backgroundColor: 'transparent',
      z: 3,
    })),
    xAxis: panels.map((panel, i) => axis(panel, i, 'x')),
    yAxis: panels.map((panel, i) => axis(panel, i, 'y')),
    title: panels
      .filter((panel) => panel.title !== undefined)
      .map(({ rect, title = '', titlePx = px * 1.12 }) => ({
        text: title,
        left: rect.x + rect.width / 2,
        top: rect.y - titlePx * 1.5,
        padding: 0,
        textAlign: 'center' as const,
        textStyle: { fontSize: titlePx, fontWeight: 'normal' as const, color: '#000' },
      })),
    series: [...series],
  }
}

/** A picture that says why it is empty. */
export function noDataOption({ width, height }: Size, title: string): EChartsOption {
  const px = Math.min(width, height) * 0.03
  return {
    title: {
      text: title,
      subtext: 'no data',
      left: 'center',
      top: 'middle',
      itemGap: px * 0.6,
      textStyle: { fontSize: px, fontWeight: 'normal', color: '#000' },
      subtextStyle: { fontSize: px, color: '#777' },
    },
  }
}

/** Equal cells of a table of panels: where the frames lie, given the space around and between them. */
export function panelRects(
  { width, height }: Size,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  space: { left: number; right: number; top: number; bottom: number; betweenX: number; betweenY: number },
): Rect[] {
  const panelWidth = (width - space.left - space.right - space.betweenX * (columns - 1)) / columns
  const panelHeight = (height - space.top - space.bottom - space.betweenY * (rows - 1)) / rows
  return Array.from({ length: columns * rows }, (_, i) => ({
    x: Math.round(space.left + (i % columns) * (panelWidth + space.betweenX)),
    y: Math.round(space.top + Math.floor(i / columns) * (panelHeight + space.betweenY)),
    width: Math.round(panelWidth),
    height: Math.round(panelHeight),
  }))
}
