// A metric on the board: value, interval, n and trend; and, where there is no number, why.
import { UnstyledButton } from '@mantine/core';
import {
  IconArrowDownRight,
  IconArrowRight,
  IconArrowUpRight,
  IconCircleCheckFilled,
  IconCircleDashedCheck,
  IconCircleXFilled,
} from '../../icons';
import { type CSSProperties, type ReactNode, memo } from 'react';
import { formatCompact, formatInterval, formatMetric, formatShort } from '../../lib/format';
import { type Metric, type TargetVerdict, type Trend, comparablePoints, compareWithTarget, trendOf } from '../../lib/metrics';
import classes from './Metric.module.css';
import { Sparkline } from './Sparkline';
import { confidencePercent, metricJudgement, unitOf } from './describe';

export function VerdictGlyph({ verdict, size = 13 }: { verdict: TargetVerdict | undefined; size?: number }) {
  if (!verdict) return null;
  const [Icon, tone] = {
    met: [IconCircleCheckFilled, classes.good] as const,
    unclear: [IconCircleDashedCheck, classes.warn] as const,
    missed: [IconCircleXFilled, classes.bad] as const,
  }[verdict];
  return (
    <span className={`${classes.glyph} ${tone}`}>
      <Icon size={size} aria-hidden />
    </span>
  );
}

export function TrendGlyph({ trend, size = 14 }: { trend: Trend | undefined; size?: number }) {
  if (!trend) return null;
  const Icon = { up: IconArrowUpRight, down: IconArrowDownRight, steady: IconArrowRight }[trend.direction];
  const tone = { better: classes.good, worse: classes.bad, neutral: classes.muted, steady: classes.muted }[trend.meaning];
  return (
    <span className={`${classes.glyph} ${tone}`}>
      <Icon size={size} stroke={2.2} aria-hidden />
    </span>
  );
}

// The name of a chip is what it shows, and these words in between.
function Spoken({ children }: { children: ReactNode }) {
  return <span className="tl-spoken">{children}</span>;
}

const kSparkColor = { better: 'var(--tl-good)', worse: 'var(--tl-bad)', neutral: 'var(--tl-muted)', steady: 'var(--tl-muted)' };

function Reading({ metric, trend }: { metric: Metric; trend: Trend | undefined }) {
  const { value, definition } = metric;
  const unit = unitOf(metric);
  if (!value || value.state === 'PENDING' || value.state === 'STATE_UNSPECIFIED') {
    return (
      <>
        <span className={classes.pending} />
        <span className={classes.n}>computing</span>
      </>
    );
  }
  if (value.state === 'UNDEFINED' || value.value === undefined) {
    return (
      <span className={classes.reading}>
        <span className={classes.value}>–</span>
        <Spoken> undefined: </Spoken>
        <span className={classes.reason} title={value.undefinedReason}>
          {value.undefinedReason || 'Undefined'}
        </span>
      </span>
    );
  }
  const few = value.state === 'INSUFFICIENT_DATA';
  const interval = formatInterval(value.intervalLow, value.intervalHigh, unit);
  return (
    <>
      <span className={classes.reading}>
        <span className={`${classes.value} tl-number`}>{formatMetric(value.value, unit)}</span>
        {trend?.direction !== 'steady' && <TrendGlyph trend={trend} />}
        <span className={`${classes.interval} tl-number`}>
          {interval && <Spoken>, {confidencePercent(metric)} interval </Spoken>}
          {interval}
        </span>
      </span>
      <span className={`${classes.n} tl-number`}>
        <Spoken>, </Spoken>
        {few ? (
          <span className={classes.few}>
            n {formatCompact(value.n)} &lt; {formatCompact(definition?.minN || 30)}
          </span>
        ) : unit === 'visits' ? null : (
          `n ${formatShort(value.n)}`
        )}
      </span>
    </>
  );
}

interface MetricChipProps {
  metric: Metric;
  label: string;
  // Where the number leads, on a line of its own: names of touchpoints are long.
  target?: string;
  column: number;
  // Whether Tab stops here; on the board it does not, arrow keys move there.
  inTabOrder?: boolean;
  onOpen: (attachment: string) => void;
}

export const MetricChip = memo(function MetricChip({ metric, label, target, column, inTabOrder, onOpen }: MetricChipProps) {
  const { value, definition } = metric;
  const trend = trendOf(value, definition);
  const style = { '--spark': kSparkColor[trend?.meaning ?? 'steady'] } as CSSProperties;
  return (
    <UnstyledButton
      className={classes.chip}
      data-state={value?.state ?? 'PENDING'}
      data-target={target ? '' : undefined}
      data-metric={metric.attachment.name}
      data-board-item={inTabOrder ? undefined : ''}
      data-column={column}
      tabIndex={inTabOrder ? 0 : -1}
      style={style}
      onClick={() => onOpen(metric.attachment.name)}
    >
      <span className={classes.row}>
        <span className={classes.label}>
          <VerdictGlyph verdict={compareWithTarget(value, definition)} />
          <span className={classes.labelText} title={label}>
            {label}
          </span>
          {!target && <Spoken>: </Spoken>}
        </span>
        <span className={classes.spark}>
          <Sparkline points={comparablePoints(value, definition)} />
        </span>
      </span>
      {target && (
        <span className={classes.target} title={target}>
          <IconArrowRight size={11} stroke={2} aria-hidden style={{ flex: 'none' }} />
          <Spoken> to </Spoken>
          <span className={classes.labelText}>{target}</span>
          <Spoken>: </Spoken>
        </span>
      )}
      <span className={classes.row}>
        <Reading metric={metric} trend={trend} />
        <Spoken>{metricJudgement(metric).map((part) => `, ${part}`)}. Details</Spoken>
      </span>
    </UnstyledButton>
  );
}, sameChip);

// Metrics are joined anew on every refresh; a chip is drawn anew only when what it shows has changed.
function sameChip(before: MetricChipProps, after: MetricChipProps): boolean {
  return (
    before.metric.value === after.metric.value &&
    before.metric.definition === after.metric.definition &&
    before.metric.attachment === after.metric.attachment &&
    before.label === after.label &&
    before.target === after.target &&
    before.column === after.column &&
    before.onOpen === after.onOpen
  );
}
