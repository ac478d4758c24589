// What a metric's number says: against its target, and over time. Pure.
import type { MetricAttachment, MetricDefinition, MetricValue, TrendPoint } from '../api/types';
import { formatDuration, parseDuration } from './format';

export interface Metric {
  attachment: MetricAttachment;
  definition: MetricDefinition | undefined;
  value: MetricValue | undefined;
  // What tells it from another metric of the same definition on the same subject: its filter and window.
  qualifier: string;
}

export type Better = 'higher' | 'lower';

// The definition's direction; where it states none, the usual one of its kind.
export function betterDirection(definition: MetricDefinition | undefined): Better {
  if (definition?.direction === 'LOWER_IS_BETTER') return 'lower';
  if (definition?.direction === 'HIGHER_IS_BETTER') return 'higher';
  switch (definition?.kind) {
    case 'DROP_OFF':
    case 'TIME_BETWEEN':
      return 'lower';
    case 'CES':
      return definition.cesVersion === 1 ? 'lower' : 'higher';
    default:
      return 'higher';
  }
}

export type TargetVerdict = 'met' | 'unclear' | 'missed';

// MET or MISSED only when the whole interval is on that side of the target; otherwise the data cannot tell. Without an
// interval the number itself decides. Undefined where there is no target or no sufficient number.
export function compareWithTarget(
  value: MetricValue | undefined,
  definition: MetricDefinition | undefined,
): TargetVerdict | undefined {
  const target = definition?.target;
  if (target === undefined || value?.state !== 'OK' || value.value === undefined) return undefined;
  const low = value.intervalLow ?? value.value;
  const high = value.intervalHigh ?? value.value;
  if (betterDirection(definition) === 'higher') return low >= target ? 'met' : high < target ? 'missed' : 'unclear';
  return high <= target ? 'met' : low > target ? 'missed' : 'unclear';
}

export type TrendDirection = 'up' | 'down' | 'steady';
// 'neutral' is a change that is neither good nor bad.
export type TrendMeaning = 'better' | 'worse' | 'neutral' | 'steady';

export interface Trend {
  direction: TrendDirection;
  meaning: TrendMeaning;
  from: TrendPoint;
  to: TrendPoint;
}

export const isDrawn = (point: TrendPoint): boolean =>
  (point.state === 'OK' || point.state === 'INSUFFICIENT_DATA') && point.value !== undefined;

// A number without an interval must move by this share of itself before it counts as a change.
const kChangeShareMin = 0.05;

// A rolling window ends at the next step of 1/720 of its length, so the last of its 12 parts lacks up to 1/60 of itself;
// only what lacks more than this is called unfinished.
const kUnfinishedShareMin = 0.02;

// Whether a point's interval of time was not over when the value was computed: it stands for a part of it only.
export function isUnfinished(point: TrendPoint | undefined, value: MetricValue | undefined): boolean {
  const end = Date.parse(point?.window?.endTime ?? '');
  const length = end - Date.parse(point?.window?.startTime ?? '');
  return end - Date.parse(value?.computeTime ?? '') > length * kUnfinishedShareMin;
}

const isCount = (value: MetricValue | undefined, definition: MetricDefinition | undefined): boolean =>
  definition?.kind === 'VOLUME' || value?.unit === 'visits';

// The points that can be compared with each other. A count over half a month looks like a drop, so it is left out; shares,
// means and medians of half a month are what they are, with a wider interval.
export function comparablePoints(value: MetricValue | undefined, definition: MetricDefinition | undefined): TrendPoint[] {
  const points = value?.trend ?? [];
  return isCount(value, definition) && isUnfinished(points.at(-1), value) ? points.slice(0, -1) : points;
}

const kZ = 1.959963984540054;

const lengthOf = (point: TrendPoint): number => {
  const length = Date.parse(point.window?.endTime ?? '') - Date.parse(point.window?.startTime ?? '');
  return length > 0 ? length : 1;
};

// Numbers with intervals differ when these do not overlap; counts, when their rates lie further apart than two Poisson
// counts would by chance in 95 of 100 cases (months are not of equal length); others, by a share of themselves.
function differ(from: TrendPoint, to: TrendPoint, areCounts: boolean): boolean {
  const [before = 0, after = 0] = [from.value, to.value];
  if (
    to.intervalLow !== undefined &&
    to.intervalHigh !== undefined &&
    from.intervalLow !== undefined &&
    from.intervalHigh !== undefined
  ) {
    return to.intervalLow > from.intervalHigh || to.intervalHigh < from.intervalLow;
  }
  if (areCounts) {
    const scale = lengthOf(from) / lengthOf(to);
    return Math.abs(after * scale - before) > kZ * Math.sqrt(before + after * scale * scale);
  }
  return Math.abs(after - before) > kChangeShareMin * Math.abs(before);
}

// The newest number against the one before. It counts as a change only when chance is no good explanation.
export function trendOf(value: MetricValue | undefined, definition: MetricDefinition | undefined): Trend | undefined {
  const drawn = comparablePoints(value, definition).filter((point) => point.state === 'OK' && point.value !== undefined);
  const to = drawn.at(-1);
  const from = drawn.at(-2);
  if (to?.value === undefined || from?.value === undefined) return undefined;
  const changed = differ(from, to, isCount(value, definition));
  if (!changed) return { direction: 'steady', meaning: 'steady', from, to };
  const direction = to.value > from.value ? 'up' : 'down';
  // More visits are good at a checkout and bad at a complaint: without a target they are only more.
  if (definition?.kind === 'VOLUME' && definition.target === undefined) return { direction, meaning: 'neutral', from, to };
  const good = betterDirection(definition) === 'higher' ? 'up' : 'down';
  return { direction, meaning: direction === good ? 'better' : 'worse', from, to };
}

// `map`, `phase:{id}`, `touchpoint:{id}` or `transition:{id}`.
export function subjectOf(attachment: MetricAttachment): string {
  if (attachment.phase) return `phase:${attachment.phase}`;
  if (attachment.touchpoint) return `touchpoint:${attachment.touchpoint}`;
  if (attachment.transition) return `transition:${attachment.transition}`;
  return 'map';
}

function qualifierOf(attachment: MetricAttachment): string {
  const seconds = parseDuration(attachment.rollingWindow);
  const window = seconds !== undefined ? formatDuration(seconds) : attachment.fixedWindow ? 'fixed window' : 'all time';
  return attachment.filter ? `${window}, ${attachment.filter}` : window;
}

// Joins attachments with their values and definitions, by subject. The order of the attachments is kept.
export function metricsBySubject(
  attachments: MetricAttachment[],
  values: MetricValue[],
  definitions: MetricDefinition[],
): Map<string, Metric[]> {
  const valueOf = new Map(values.map((value) => [value.name, value]));
  const definitionOf = new Map(definitions.map((definition) => [definition.name, definition]));
  const bySubject = new Map<string, Metric[]>();
  const kindOf = (attachment: MetricAttachment) =>
    `${subjectOf(attachment)} ${attachment.metricDefinition} ${attachment.targetTouchpoint ?? ''}`;
  const sharing = new Map<string, number>();
  for (const attachment of attachments) {
    sharing.set(kindOf(attachment), (sharing.get(kindOf(attachment)) ?? 0) + 1);
  }
  for (const attachment of attachments) {
    const subject = subjectOf(attachment);
    const metrics = bySubject.get(subject) ?? [];
    metrics.push({
      attachment,
      definition: definitionOf.get(attachment.metricDefinition),
      value: valueOf.get(`${attachment.name}/value`),
      qualifier: (sharing.get(kindOf(attachment)) ?? 0) > 1 ? qualifierOf(attachment) : '',
    });
    bySubject.set(subject, metrics);
  }
  return bySubject;
}

export interface Health {
  met: number;
  unclear: number;
  missed: number;
  noTarget: number;
  // Numbers of too few answers; they are judged by nothing.
  few: number;
  noNumber: number;
}

// How a map's numbers stand, at a glance.
export function healthOf(values: MetricValue[], definitions: MetricDefinition[]): Health {
  const definitionOf = new Map(definitions.map((definition) => [definition.name, definition]));
  const health: Health = { met: 0, unclear: 0, missed: 0, noTarget: 0, few: 0, noNumber: 0 };
  for (const value of values) {
    const verdict = compareWithTarget(value, definitionOf.get(value.metricDefinition ?? ''));
    if (verdict) ++health[verdict];
    else if (value.state === 'OK') ++health.noTarget;
    else if (value.state === 'INSUFFICIENT_DATA') ++health.few;
    else ++health.noNumber;
  }
  return health;
}

// 95 % Wilson interval of a share; undefined where nobody was counted.
export function wilson(successes: number, n: number): { low: number; high: number } | undefined {
  if (n <= 0 || successes < 0 || successes > n) return undefined;
  const z = kZ;
  const share = successes / n;
  const centre = (share + (z * z) / (2 * n)) / (1 + (z * z) / n);
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((share * (1 - share)) / n + (z * z) / (4 * n * n));
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}
