import { describe, expect, it } from 'vitest';
import {
  formatCompact,
  formatCount,
  formatDetail,
  formatDuration,
  formatInterval,
  formatMetric,
  formatMoney,
  formatRelative,
  formatShare,
  makeClock,
  parseDuration,
  toCount,
} from '../src/lib/format';

describe('counts', () => {
  it('reads int64 strings, and absent as 0', () => {
    expect(toCount('8135')).toBe(8135);
    expect(toCount(undefined)).toBe(0);
    expect(toCount('not a number')).toBe(0);
  });

  it('groups thousands and shortens from ten thousand on', () => {
    expect(formatCount('402118')).toBe('402,118');
    expect(formatCompact(9999)).toBe('9,999');
    expect(formatCompact(402118)).toBe('402.1k');
    expect(formatCompact(1_250_000)).toBe('1.3m');
  });
});

describe('formatMetric', () => {
  it('signs points, and gives zero no sign', () => {
    expect(formatMetric(33.33, 'points')).toBe('+33');
    expect(formatMetric(-12.6, 'points')).toBe('\u221213');
    expect(formatMetric(0.2, 'points')).toBe('0');
    expect(formatMetric(-0.2, 'points')).toBe('0');
    expect(formatMetric(33.33, 'points', 'full')).toBe('+33.3');
  });

  it('shows shares in percent and means with two decimals', () => {
    expect(formatMetric(0.551733, 'share')).toBe('55.2%');
    expect(formatMetric(0.551733, 'share', 'full')).toBe('55.17%');
    expect(formatMetric(3.271611, 'mean')).toBe('3.27');
    expect(formatMetric(3.271611, 'mean', 'full')).toBe('3.272');
  });

  it('shows seconds in the unit that fits', () => {
    expect(formatMetric(45, 'seconds')).toBe('45 s');
    expect(formatMetric(5400, 'seconds')).toBe('1.5 h');
    expect(formatMetric(2 * 86_400, 'seconds')).toBe('2 d');
    expect(formatDuration(0)).toBe('0 s');
    expect(formatDuration(-7200)).toBe('\u22122 h');
  });
});

describe('formatShare', () => {
  it('claims neither nothing nor all where that is not so', () => {
    expect([0, 0.001, 0.006, 0.994, 0.9998, 1].map((share) => formatShare(share, 0))).toEqual(['0%', '<1%', '1%', '99%', '>99%', '100%']);
    expect([0.0004, 0.9996, 0.5].map((share) => formatShare(share))).toEqual(['<0.1%', '>99.9%', '50.0%']);
  });
});

describe('formatInterval', () => {
  it('needs both ends', () => {
    expect(formatInterval(undefined, 1, 'share')).toBeUndefined();
    expect(formatInterval(0, undefined, 'share')).toBeUndefined();
  });

  it('uses one unit for both ends', () => {
    expect(formatInterval(0.5410, 0.5625, 'share')).toBe('54.1–56.3%');
    expect(formatInterval(0.49, 0.94, 'share')).toBe('49–94%');
    expect(formatInterval(3600, 2 * 86_400, 'seconds')).toBe('0.0–2 d');
    expect(formatInterval(1.9 * 86_400, 2.4 * 86_400, 'seconds')).toBe('1.9–2.4 d');
  });

  it('does not confuse a minus sign with the dash between the ends', () => {
    expect(formatInterval(-5, 12, 'points')).toBe('\u22125 to +12');
  });
});

describe('money', () => {
  it('uses the currency’s own number of decimals', () => {
    expect(formatMoney('48000', 'EUR')).toBe('€480.00');
    expect(formatMoney('480', 'JPY')).toBe('¥480');
    expect(formatMoney('-1250', 'USD')).toBe('\u2212$12.50');
  });

  it('shows an unknown currency without guessing its decimals', () => {
    expect(formatMoney('100', 'x')).toBe('100 x');
  });
});

describe('times', () => {
  it('parses protobuf durations', () => {
    expect(parseDuration('86400s')).toBe(86_400);
    expect(parseDuration('0.5s')).toBe(0.5);
    expect(parseDuration('1h')).toBeUndefined();
    expect(parseDuration(undefined)).toBeUndefined();
  });

  it('says how long ago, and how soon', () => {
    const now = Date.parse('2026-11-22T12:00:00Z');
    expect(formatRelative('2026-11-22T11:59:58Z', now)).toBe('just now');
    expect(formatRelative('2026-11-22T11:57:00Z', now)).toBe('3 min ago');
    expect(formatRelative('2026-11-26T13:00:00Z', now)).toBe('in 4 d');
    expect(formatRelative('', now)).toBe('');
  });

  it('shows times in the workspace’s zone, and in UTC where the zone is unknown', () => {
    expect(makeClock('Europe/Berlin').dateTime('2026-07-01T22:30:00Z')).toBe('2 Jul 2026, 00:30');
    const unknown = makeClock('Mars/Olympus');
    expect(unknown.zone).toBe('UTC');
    expect(unknown.time('2026-07-01T22:30:00Z')).toBe('22:30');
  });
});

describe('formatDetail', () => {
  it('goes by what the key says', () => {
    expect(formatDetail('p90', 7200, 'seconds')).toBe('2 h');
    expect(formatDetail('mean', 3.271611, 'share')).toBe('3.272');
    expect(formatDetail('promoters', 462, 'points')).toBe('462');
    expect(formatDetail('top_box', 4538, 'share')).toBe('4,538');
    expect(formatDetail('top_share', 0.5, 'mean')).toBe('50.00%');
  });
});
