// The same number over consecutive intervals, with its interval as a band and its target as a line.
import { useReducedMotion } from '@mantine/hooks';
import { Area, CartesianGrid, ComposedChart, Line, ReferenceLine, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import type { TrendPoint } from '../../api/types';
import { type Clock, formatCount, formatInterval, formatMetric } from '../../lib/format';
import { isDrawn } from '../../lib/metrics';
import classes from './Metric.module.css';

interface Row {
  time: number;
  value: number | null;
  band: [number, number] | null;
  point: TrendPoint;
}

function rowsOf(points: TrendPoint[]): Row[] {
  return points.map((point) => {
    const drawn = isDrawn(point);
    return {
      time: Date.parse(point.window?.endTime ?? point.window?.startTime ?? ''),
      value: drawn ? (point.value ?? null) : null,
      band:
        drawn && point.intervalLow !== undefined && point.intervalHigh !== undefined
          ? [point.intervalLow, point.intervalHigh]
          : null,
      point,
    };
  });
}

function Tip({ row, unit, clock }: { row: Row; unit: string | undefined; clock: Clock }) {
  const { point } = row;
  const interval = formatInterval(point.intervalLow, point.intervalHigh, unit);
  return (
    <div className={classes.chartTip}>
      <div className={classes.muted}>
        {clock.date(point.window?.startTime)} – {clock.date(point.window?.endTime)}
      </div>
      <strong className="tl-number">
        {isDrawn(point) && point.value !== undefined ? formatMetric(point.value, unit) : '–'}
      </strong>
      {interval && <span className="tl-number"> ({interval})</span>}
      <div className="tl-number">n {formatCount(point.n)}</div>
    </div>
  );
}

interface TrendChartProps {
  points: TrendPoint[];
  unit: string | undefined;
  target: number | undefined;
  clock: Clock;
}

export function TrendChart({ points, unit, target, clock }: TrendChartProps) {
  const still = useReducedMotion();
  const rows = rowsOf(points);
  return (
    <div className={classes.chart} aria-hidden>
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 440, height: 190 }}>
        <ComposedChart data={rows} margin={{ top: 8, right: 12, bottom: 0, left: 4 }} accessibilityLayer={false}>
          <CartesianGrid vertical={false} stroke="var(--tl-line)" />
          <XAxis
            dataKey="time"
            type="number"
            domain={['dataMin', 'dataMax']}
            tickFormatter={(time: number) => clock.date(time).replace(/ \d{4}$/, '')}
            tick={{ fill: 'var(--tl-muted)' }}
            tickLine={false}
            axisLine={{ stroke: 'var(--tl-line)' }}
            minTickGap={36}
          />
          <YAxis
            width={52}
            domain={['auto', 'auto']}
            tickFormatter={(value: number) => formatMetric(value, unit)}
            tick={{ fill: 'var(--tl-muted)' }}
            tickLine={false}
            axisLine={false}
            tickCount={5}
          />
          <Tooltip
            isAnimationActive={false}
            cursor={{ stroke: 'var(--tl-line-strong)' }}
            content={({ active, payload }) => {
              const row = payload?.[0]?.payload as Row | undefined;
              return active && row ? <Tip row={row} unit={unit} clock={clock} /> : null;
            }}
          />
          <Area
            dataKey="band"
            stroke="none"
            fill="var(--tl-active)"
            fillOpacity={0.16}
            isAnimationActive={!still}
            animationDuration={300}
            connectNulls={false}
          />
          {target !== undefined && <ReferenceLine y={target} ifOverflow="extendDomain" stroke="var(--tl-text)" strokeDasharray="4 4" strokeOpacity={0.55} />}
          <Line
            dataKey="value"
            type="monotone"
            stroke="var(--tl-active)"
            strokeWidth={2}
            dot={{ r: 2.5, fill: 'var(--tl-active)', strokeWidth: 0 }}
            isAnimationActive={!still}
            animationDuration={300}
            connectNulls={false}
          />
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}
