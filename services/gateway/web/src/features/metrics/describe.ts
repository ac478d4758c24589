// A metric in words: labels, and the sentence a screen reader hears.
import type { Touchpoint } from '../../api/types';
import { formatCount, formatInterval, formatMetric } from '../../lib/format';
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
