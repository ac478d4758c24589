// A metric in words: labels, and the sentence a screen reader hears.
import type { Touchpoint } from '../../api/types';
import { formatCount, formatDetail, formatInterval, formatMetric } from '../../lib/format';
import { type Metric, type TargetVerdict, compareWithTarget, trendOf } from '../../lib/metrics';
import { humanize, lastSegment } from '../../lib/names';

export type TouchpointLabel = (id: string | undefined) => string;

export const touchpointLabels = (touchpoints: Touchpoint[] | undefined): TouchpointLabel => {
  const labels = new Map((touchpoints ?? []).map((touchpoint) => [touchpoint.id, touchpoint.displayName || touchpoint.id]));
  return (id) => (id ? (labels.get(id) ?? humanize(id)) : '');
};

export const unitOf = (metric: Metric): string | undefined => metric.value?.unit || metric.definition?.unit;

// The metric's own name; where it leads stands apart, in metricTarget.
export function metricName(metric: Metric): string {
  const name = metric.definition?.displayName || humanize(lastSegment(metric.attachment.metricDefinition));
  return metric.qualifier ? `${name} (${metric.qualifier})` : name;
}

export const metricTarget = (metric: Metric, touchpointLabel: TouchpointLabel): string | undefined =>
  metric.attachment.targetTouchpoint ? touchpointLabel(metric.attachment.targetTouchpoint) : undefined;

// Both on one line, for headings.
export function metricLabel(metric: Metric, touchpointLabel: TouchpointLabel): string {
  const target = metricTarget(metric, touchpointLabel);
  return target ? `${metricName(metric)} \u2192 ${target}` : metricName(metric);
}

export const kVerdictWords: Record<TargetVerdict, string> = {
  met: 'on target',
  unclear: 'target within the interval',
  missed: 'off target',
};

export const confidencePercent = (metric: Metric): string => {
  const level = (metric.definition?.confidenceLevel || 0.95) * 100;
  return `${Number(level.toFixed(1))}%`;
};

const kDetailWords: Record<string, string> = {
  top_box: 'Answers in the top boxes',
  p90: '90 of 100 take at most',
  share_5_7: 'Answers 5 to 7',
  converted: 'Went on',
  lost: 'Did not go on',
  entered: 'Came here',
  interval_low_unclipped: 'Interval before the scale ends it, from',
  interval_high_unclipped: 'Interval before the scale ends it, to',
};

// The numbers beside the value, in words. `share_5_7_low` and `share_5_7_high` are the interval of `share_5_7`.
export function detailRows(details: Record<string, number>, unit: string | undefined): [string, string][] {
  const isEnd = (key: string) => /_(low|high)$/.test(key) && details[key.replace(/_(low|high)$/, '')] !== undefined;
  return Object.entries(details)
    .filter(([key]) => !isEnd(key))
    .map(([key, number]) => {
      const [low, high] = [details[`${key}_low`], details[`${key}_high`]];
      const interval = low !== undefined && high !== undefined;
      const words = formatDetail(key, number, unit);
      return [
        kDetailWords[key] ?? humanize(key),
        interval ? `${words} (${formatDetail(key, low, unit)} to ${formatDetail(key, high, unit)})` : words,
      ];
    });
}

const kLeftOutWords: Record<string, string> = {
  immature: 'Too young to judge',
  negative_interval: 'Reached the target only before the start',
  target_not_reached: 'Have not reached the target',
  target_without_entry: 'Reached the target without coming here',
  missing_score: 'Answers without a score',
  invalid_score: 'Answers with a score off the scale',
};

export const leftOutWords = (reason: string): string => kLeftOutWords[reason] ?? humanize(reason);

// What a chip shows only as a picture: state, target and trend.
export function metricJudgement(metric: Metric): string[] {
  const { value, definition } = metric;
  const parts: string[] = [];
  if (value?.state === 'INSUFFICIENT_DATA') parts.push(`too few: fewer than ${formatCount(definition?.minN || 30)}`);
  const verdict = compareWithTarget(value, definition);
  if (verdict && definition?.target !== undefined) {
    parts.push(`${kVerdictWords[verdict]} ${formatMetric(definition.target, unitOf(metric))}`);
  }
  const trend = trendOf(value, definition);
  if (trend?.meaning === 'steady') parts.push('no clear change');
  else if (trend) parts.push(trend.meaning === 'neutral' ? trend.direction : `${trend.direction}, ${trend.meaning}`);
  return parts;
}

export function metricSentence(metric: Metric, label: string): string {
  const { value } = metric;
  const unit = unitOf(metric);
  if (!value || value.state === 'PENDING') return `${label}: not computed yet`;
  if (value.state === 'UNDEFINED' || value.value === undefined) {
    return `${label}: undefined. ${value.undefinedReason ?? ''}`.trim();
  }
  const interval = formatInterval(value.intervalLow, value.intervalHigh, unit);
  return [
    `${label}: ${formatMetric(value.value, unit)}`,
    ...(interval ? [`${confidencePercent(metric)} interval ${interval}`] : []),
    `n ${formatCount(value.n)}`,
    ...metricJudgement(metric),
  ].join(', ');
}
