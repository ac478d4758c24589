// The trend as a small line. Drawn by hand and not by the chart library: a board shows more than a hundred of them, and
// each must keep its size from the first paint.
import { curveMonotoneX, line } from 'd3-shape';
import type { TrendPoint } from '../../api/types';
import { isDrawn } from '../../lib/metrics';

const kPad = 2.5;

export function Sparkline({ points, width = 52, height = 18 }: { points: TrendPoint[]; width?: number; height?: number }) {
  const drawn = points.filter(isDrawn);
  if (drawn.length < 2) return null;
  const values = drawn.map((point) => point.value ?? 0);
  const low = Math.min(...values);
  const range = Math.max(...values) - low || 1;
  const x = (index: number) => kPad + (index / (points.length - 1)) * (width - 2 * kPad);
  const y = (point: TrendPoint) => height - kPad - (((point.value ?? low) - low) / range) * (height - 2 * kPad);
  const path =
    line<TrendPoint>()
      .defined(isDrawn)
      .x((_, index) => x(index))
      .y(y)
      .curve(curveMonotoneX)(points) ?? '';
  const last = points.findLastIndex(isDrawn);
  const lastPoint = points[last];
  return (
    <svg width={width} height={height} aria-hidden focusable="false">
      <path d={path} fill="none" stroke="var(--spark, var(--tl-muted))" strokeWidth="1.4" strokeLinecap="round" />
      {lastPoint && <circle cx={x(last)} cy={y(lastPoint)} r="2.2" fill="var(--spark, var(--tl-muted))" />}
    </svg>
  );
}
