import { describe, expect, it } from 'vitest';
import type { MetricDefinition, MetricValue, TrendPoint } from '../src/api/types';
import {
  betterDirection,
  comparablePoints,
  compareWithTarget,
  healthOf,
  metricsBySubject,
  trendOf,
  wilson,
} from '../src/lib/metrics';
import { detailRows } from '../src/features/metrics/describe';

const definition = (fields: Partial<MetricDefinition>): MetricDefinition => ({ name: 'd', kind: 'CSAT', ...fields });
const value = (fields: Partial<MetricValue>): MetricValue => ({ name: 'v', state: 'OK', ...fields });
const point = (number: number, low?: number, high?: number): TrendPoint => ({
  state: 'OK',
  value: number,
  intervalLow: low,
  intervalHigh: high,
});

const over = (trend: TrendPoint[], fields: Partial<MetricValue> = {}): MetricValue => value({ trend, ...fields });
const month = (number: number, startTime: string, endTime: string): TrendPoint => ({
  state: 'OK',
  value: number,
  window: { startTime: `${startTime}T00:00:00Z`, endTime: `${endTime}T00:00:00Z` },
});

describe('betterDirection', () => {
  it('takes the definition’s word first, then the kind’s habit', () => {
    expect(betterDirection(definition({ kind: 'NPS' }))).toBe('higher');
    expect(betterDirection(definition({ kind: 'DROP_OFF' }))).toBe('lower');
    expect(betterDirection(definition({ kind: 'TIME_BETWEEN' }))).toBe('lower');
    expect(betterDirection(definition({ kind: 'CES', cesVersion: 1 }))).toBe('lower');
    expect(betterDirection(definition({ kind: 'CES', cesVersion: 2 }))).toBe('higher');
    expect(betterDirection(definition({ kind: 'VOLUME', direction: 'LOWER_IS_BETTER' }))).toBe('lower');
  });
});

describe('compareWithTarget', () => {
  it('is met or missed only when the whole interval is on that side', () => {
    const target = definition({ target: 0.7 });
    expect(compareWithTarget(value({ value: 0.8, intervalLow: 0.72, intervalHigh: 0.86 }), target)).toBe('met');
    expect(compareWithTarget(value({ value: 0.6, intervalLow: 0.5, intervalHigh: 0.66 }), target)).toBe('missed');
    expect(compareWithTarget(value({ value: 0.72, intervalLow: 0.65, intervalHigh: 0.78 }), target)).toBe('unclear');
  });

  it('turns round when lower is better', () => {
    const target = definition({ kind: 'DROP_OFF', target: 0.3 });
    expect(compareWithTarget(value({ value: 0.2, intervalLow: 0.15, intervalHigh: 0.26 }), target)).toBe('met');
    expect(compareWithTarget(value({ value: 0.4, intervalLow: 0.35, intervalHigh: 0.46 }), target)).toBe('missed');
  });

  it('judges nothing without a target or a sufficient number', () => {
    expect(compareWithTarget(value({ value: 1 }), definition({}))).toBeUndefined();
    expect(compareWithTarget(value({ state: 'UNDEFINED' }), definition({ target: 1 }))).toBeUndefined();
    expect(compareWithTarget(value({ state: 'INSUFFICIENT_DATA', value: 1 }), definition({ target: 1 }))).toBeUndefined();
  });
});

describe('trendOf', () => {
  it('is steady while the intervals overlap', () => {
    expect(trendOf(over([point(10, 5, 15), point(14, 9, 19)]), definition({}))?.direction).toBe('steady');
  });

  it('is a change when they do not, and its meaning follows the direction', () => {
    const rise = [point(10, 8, 12), point(20, 18, 22)];
    expect(trendOf(over(rise), definition({}))).toMatchObject({ direction: 'up', meaning: 'better' });
    expect(trendOf(over(rise), definition({ direction: 'LOWER_IS_BETTER' }))).toMatchObject({ direction: 'up', meaning: 'worse' });
  });

  it('needs a change of more than a twentieth where there is no interval', () => {
    const effort = definition({ kind: 'CES', target: 5 });
    expect(trendOf(over([point(100), point(104)]), effort)?.direction).toBe('steady');
    expect(trendOf(over([point(100), point(90)]), effort)).toMatchObject({ direction: 'down', meaning: 'worse' });
  });

  it('takes two counts for equal while chance explains their difference', () => {
    const visits = definition({ kind: 'VOLUME', target: 50 });
    expect(trendOf(over([point(89), point(112)]), visits)?.direction).toBe('steady');
    expect(trendOf(over([point(89), point(120)]), visits)).toMatchObject({ direction: 'up', meaning: 'better' });
    // The same number of visits a day, in a month of 31 days and in one of 28.
    const months = [month(31_000, '2026-01-01', '2026-02-01'), month(28_000, '2026-02-01', '2026-03-01')];
    expect(trendOf(over(months), visits)?.direction).toBe('steady');
  });

  it('does not take the count of an unfinished month for a drop', () => {
    const visits = definition({ kind: 'VOLUME' });
    const months = [
      month(900, '2026-01-01', '2026-02-01'),
      month(880, '2026-02-01', '2026-03-01'),
      month(300, '2026-03-01', '2026-04-01'),
    ];
    const computed = { computeTime: '2026-03-11T00:00:00Z' };
    expect(comparablePoints(over(months, computed), visits)).toEqual(months.slice(0, 2));
    expect(trendOf(over(months, computed), visits)?.direction).toBe('steady');
    expect(trendOf(over(months, { computeTime: '2026-04-02T00:00:00Z' }), visits)?.direction).toBe('down');
    expect(comparablePoints(over(months, computed), definition({ kind: 'CSAT' }))).toEqual(months);
    // A rolling window's last part may lack an hour.
    expect(comparablePoints(over(months, { computeTime: '2026-03-31T23:00:00Z' }), visits)).toEqual(months);
  });

  it('is neither good nor bad for visits without a target', () => {
    const visits = definition({ kind: 'VOLUME' });
    expect(trendOf(over([point(100), point(150)]), visits)).toMatchObject({ direction: 'up', meaning: 'neutral' });
  });

  it('skips points that are no numbers', () => {
    const undefinedPoint: TrendPoint = { state: 'UNDEFINED' };
    expect(trendOf(over([point(1), undefinedPoint]), definition({}))).toBeUndefined();
    expect(trendOf(over([point(1, 0, 2), undefinedPoint, point(9, 8, 10)]), definition({}))?.direction).toBe('up');
    expect(trendOf(over([]), definition({}))).toBeUndefined();
  });
});

describe('metricsBySubject', () => {
  it('joins attachment, value and definition under their subject', () => {
    const bySubject = metricsBySubject(
      [
        { name: 'm/metricAttachments/a', metricDefinition: 'd', touchpoint: 'review' },
        { name: 'm/metricAttachments/b', metricDefinition: 'gone', wholeMap: true },
      ],
      [value({ name: 'm/metricAttachments/a/value', value: 3 })],
      [definition({})],
    );
    expect(bySubject.get('touchpoint:review')?.[0]).toMatchObject({ definition: { name: 'd' }, value: { value: 3 } });
    expect(bySubject.get('map')?.[0]).toMatchObject({ definition: undefined, value: undefined });
  });
});

describe('a metric’s qualifier', () => {
  it('tells two of one definition on one subject apart', () => {
    const attachment = (id: string, fields: object) => ({ name: id, metricDefinition: 'd', touchpoint: 't', ...fields });
    const metrics = metricsBySubject(
      [
        attachment('a', { rollingWindow: '604800s', filter: 'channel = "web"' }),
        attachment('b', {}),
        attachment('c', { targetTouchpoint: 'u' }),
      ],
      [],
      [],
    ).get('touchpoint:t');
    expect(metrics?.map((metric) => metric.qualifier)).toEqual(['7 d, channel = "web"', 'all time', '']);
  });
});

describe('healthOf', () => {
  it('counts every value once', () => {
    const target = definition({ target: 0.5 });
    expect(
      healthOf(
        [
          value({ metricDefinition: 'd', value: 0.9 }),
          value({ metricDefinition: 'd', value: 0.1 }),
          value({ metricDefinition: 'other', value: 0.1 }),
          value({ metricDefinition: 'd', state: 'PENDING' }),
          value({ metricDefinition: 'd', state: 'INSUFFICIENT_DATA', value: 0.9 }),
        ],
        [target],
      ),
    ).toEqual({ met: 1, unclear: 0, missed: 1, noTarget: 1, few: 1, noNumber: 1 });
  });
});

describe('wilson', () => {
  it('agrees with published intervals', () => {
    expect(wilson(8, 10)?.low).toBeCloseTo(0.490162, 6);
    expect(wilson(8, 10)?.high).toBeCloseTo(0.943318, 6);
    expect(wilson(0, 10)?.high).toBeCloseTo(0.277533, 6);
    expect(wilson(550, 1000)?.low).toBeCloseTo(0.519033, 6);
  });

  it('is undefined where nobody was counted', () => {
    expect(wilson(0, 0)).toBeUndefined();
    expect(wilson(3, 2)).toBeUndefined();
  });
});

describe('detailRows', () => {
  it('puts an interval beside its number', () => {
    expect(detailRows({ mean: 3.2716, mean_high: 3.309, mean_low: 3.234, top_box: 4538 }, 'share')).toEqual([
      ['Mean', '3.272 (3.234 to 3.309)'],
      ['Answers in the top boxes', '4,538'],
    ]);
  });
});
