// Value, interval and target on one line. The numbers stand beside it as text, so the picture is hidden from readers.
import { formatMetric } from '../../lib/format';
import { type Metric, compareWithTarget } from '../../lib/metrics';
import classes from './Metric.module.css';
import { unitOf } from './describe';

const kWidth = 400;
const kTone = { met: 'var(--tl-completed)', unclear: 'var(--tl-stalled)', missed: 'var(--tl-despair)' };

export function IntervalStrip({ metric }: { metric: Metric }) {
  const { value, definition } = metric;
  if (value?.value === undefined) return null;
  const unit = unitOf(metric);
  const target = definition?.target;
  const low = value.intervalLow ?? value.value;
  const high = value.intervalHigh ?? value.value;
  if (low === high && target === undefined) return null;
  const ends = [low, high, value.value, ...(target === undefined ? [] : [target])];
  const margin = (Math.max(...ends) - Math.min(...ends)) * 0.25 || 1;
  const floor = unit === 'share' || unit === 'seconds' ? 0 : -Infinity;
  const from = Math.max(floor, Math.min(...ends) - margin);
  const to = Math.min(unit === 'share' ? 1 : Infinity, Math.max(...ends) + margin);
  const x = (number: number) => ((number - from) / (to - from)) * kWidth;
  const verdict = compareWithTarget(value, definition);
  const color = verdict ? kTone[verdict] : 'var(--tl-active)';
  return (
    <svg className={classes.strip} viewBox={`0 0 ${kWidth} 46`} preserveAspectRatio="xMidYMid meet" aria-hidden>
      <line x1="0" x2={kWidth} y1="20" y2="20" stroke="var(--tl-line)" strokeWidth="6" strokeLinecap="round" />
      <line
        x1={x(low)}
        x2={x(high)}
        y1="20"
        y2="20"
        stroke={color}
        strokeOpacity="0.45"
        strokeWidth="10"
        strokeLinecap="round"
      />
      <circle cx={x(value.value)} cy="20" r="7" fill={color} stroke="var(--tl-surface)" strokeWidth="2.5" />
      {target !== undefined && (
        <g>
          <line x1={x(target)} x2={x(target)} y1="6" y2="33" stroke="var(--tl-text)" strokeWidth="2" />
          <text
            x={Math.min(kWidth - 36, Math.max(36, x(target)))}
            y="45"
            textAnchor="middle"
            fontSize="11"
            fill="var(--tl-muted)"
          >
            target {formatMetric(target, unit)}
          </text>
        </g>
      )}
    </svg>
  );
}
