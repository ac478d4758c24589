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

// A point stands in the middle of its interval of time.
function middleOf(point: TrendPoint): number {
  const start = Date.parse(point.window?.startTime ?? '');
  const end = Date.parse(point.window?.endTime ?? '');
  return Number.isFinite(start) && Number.isFinite(end) ? (start + end) / 2 : Number.isFinite(end) ? end : start;
}

// Dates below every third point, counted from the newest.
const kTickEvery = 3;
const ticksOf = (rows: Row[]): number[] =>
  rows.filter((_, index) => (rows.length - 1 - index) % kTickEvery === 0).map((row) => row.time);

// When the interval of a point began, as short as it can be told: `Mar` for a month, else `14 Mar`.
function startWords(point: TrendPoint | undefined, clock: Clock): string {
  const date = clock.date(point?.window?.startTime).replace(/ \d{4}$/, '');
  const length = Date.parse(point?.window?.endTime ?? '') - Date.parse(point?.window?.startTime ?? '');
  return length >= 28 * 86_400_000 ? date.replace(/^1 /, '') : date;
}

function rowsOf(points: TrendPoint[]): Row[] {
  return points.map((point) => {
    const drawn = isDrawn(point);
    return {
      time: middleOf(point),
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
  // Whether the last interval of time is not over yet.
  unfinished: boolean;
  unit: string | undefined;
  target: number | undefined;
  clock: Clock;
}

export function TrendChart({ points, unfinished, unit, target, clock }: TrendChartProps) {
  const still = useReducedMotion();
  const rows = rowsOf(points);
  const last = rows.length - 1;
  return (
    <div className={classes.chart} aria-hidden>
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 440, height: 190 }}>
        <ComposedChart data={rows} margin={{ top: 8, right: 12, bottom: 0, left: 4 }} accessibilityLayer={false}>
          <CartesianGrid vertical={false} stroke="var(--tl-line)" />
          <XAxis
            dataKey="time"
            type="number"
            domain={['dataMin', 'dataMax']}
            ticks={ticksOf(rows)}
            interval="preserveStartEnd"
            tickFormatter={(time: number) => startWords(rows.find((row) => row.time === time)?.point, clock)}
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
            dot={({ key, cx, cy, index }) =>
              cx === undefined || cy === undefined || cy === null ? (
                <g key={key} />
              ) : (
                <circle
                  key={key}
                  cx={cx}
                  cy={cy}
                  r={unfinished && index === last ? 3.5 : 2.5}
                  fill={unfinished && index === last ? 'var(--tl-page)' : 'var(--tl-active)'}
                  stroke="var(--tl-active)"
                  strokeWidth={unfinished && index === last ? 1.6 : 0}
                />
              )
            }
            isAnimationActive={!still}
            animationDuration={300}
            connectNulls={false}
          />
        </ComposedChart>
      </ResponsiveContainer>
    </div>
  );
}
