// Numbers, intervals, times and durations as people read them. Pure; every function is total.

const kLocale = 'en';
const kMinus = '\u2212';
const kEnDash = '\u2013';

const grouping = new Intl.NumberFormat(kLocale, { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat(kLocale, { notation: 'compact', maximumFractionDigits: 1 });

const withMinus = (text: string): string => text.replace(/^-/, kMinus);

// int64 arrives as a string and may be absent, which means 0.
export const toCount = (value: string | number | undefined): number => {
  const count = Number(value ?? 0);
  return Number.isFinite(count) ? count : 0;
};

export const formatCount = (value: string | number | undefined): string => withMinus(grouping.format(toCount(value)));

export const formatCompact = (value: string | number | undefined): string => {
  const count = toCount(value);
  return withMinus(Math.abs(count) < 10_000 ? grouping.format(count) : compact.format(count).toLowerCase());
};

// As short as it gets, where the exact number is one click away: `n 2.7k`.
export const formatShort = (value: string | number | undefined): string =>
  withMinus(compact.format(toCount(value)).toLowerCase());

// Without the sign of a number that rounds to nothing.
function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return withMinus(Number(text) === 0 ? text.replace(/^-/, '') : text);
}

// Not 0 % or 100 % where there is more than nothing, or less than all: `<1%`, `>99.9%`.
export function formatShare(share: number, digits = 1): string {
  const text = fixed(share * 100, digits);
  const step = 10 ** -digits;
  if (share > 0 && Number(text) === 0) return `<${step}%`;
  if (share < 1 && Number(text) === 100) return `>${fixed(100 - step, digits)}%`;
  return `${text}%`;
}

interface DurationUnit {
  seconds: number;
  suffix: string;
}

const kSecond: DurationUnit = { seconds: 1, suffix: 's' };
const kDurationUnits: DurationUnit[] = [
  { seconds: 365.25 * 86_400, suffix: 'y' },
  { seconds: 86_400, suffix: 'd' },
  { seconds: 3_600, suffix: 'h' },
  { seconds: 60, suffix: 'min' },
  kSecond,
];

const unitOf = (seconds: number): DurationUnit =>
  kDurationUnits.find((unit) => Math.abs(seconds) >= unit.seconds) ?? kSecond;

function inUnit(seconds: number, unit: DurationUnit): string {
  const amount = seconds / unit.seconds;
  return fixed(amount, Math.abs(amount) >= 100 || Number.isInteger(amount) ? 0 : 1);
}

// One unit, at most one decimal: `2.4 d`.
export function formatDuration(seconds: number): string {
  const unit = unitOf(seconds);
  return `${inUnit(seconds, unit)} ${unit.suffix}`;
}

// A protobuf duration (`86400s`) in seconds, or undefined when there is none.
export function parseDuration(text: string | undefined): number | undefined {
  if (!text) return undefined;
  const match = /^(-?\d+(?:\.\d+)?)s$/.exec(text);
  return match ? Number(match[1]) : undefined;
}

export type Precision = 'chip' | 'full';

// A metric's number with its unit: points signed, shares in percent, seconds as a duration.
export function formatMetric(value: number, unit: string | undefined, precision: Precision = 'chip'): string {
  const full = precision === 'full';
  switch (unit) {
    case 'points': {
      const text = fixed(value, full ? 1 : 0);
      return Number(value.toFixed(full ? 1 : 0)) > 0 ? `+${text}` : text;
    }
    case 'share':
      return formatShare(value, full ? 2 : 1);
    case 'mean':
      return fixed(value, full ? 3 : 2);
    case 'visits':
      return full ? formatCount(value) : formatCompact(value);
    case 'seconds':
      return formatDuration(value);
    default:
      return fixed(value, full ? 3 : 1);
  }
}

// Both ends in one unit, so that they can be compared at a glance: `58–70%`, `1.9–2.4 d`, `−5 to +12`.
export function formatInterval(
  low: number | undefined,
  high: number | undefined,
  unit: string | undefined,
  precision: Precision = 'chip',
): string | undefined {
  if (low === undefined || high === undefined) return undefined;
  const full = precision === 'full';
  switch (unit) {
    case 'points':
      return `${formatMetric(low, unit, precision)} to ${formatMetric(high, unit, precision)}`;
    case 'share': {
      const digits = full ? 2 : high - low < 0.03 ? 1 : 0;
      return `${fixed(low * 100, digits)}${kEnDash}${fixed(high * 100, digits)}%`;
    }
    case 'seconds': {
      const scale = unitOf(high);
      return `${inUnit(low, scale)}${kEnDash}${inUnit(high, scale)} ${scale.suffix}`;
    }
    default:
      return `${formatMetric(low, unit, precision)}${kEnDash}${formatMetric(high, unit, precision)}`;
  }
}

// Minor units in the currency's own number of decimals: 48000 EUR → `€480.00`, 480 JPY → `¥480`.
export function formatMoney(amountMinor: string | number | undefined, currencyCode: string | undefined): string {
  const amount = toCount(amountMinor);
  try {
    const format = new Intl.NumberFormat(kLocale, { style: 'currency', currency: currencyCode ?? '' });
    const digits = format.resolvedOptions().maximumFractionDigits ?? 2;
    return withMinus(format.format(amount / 10 ** digits));
  } catch {
    return `${formatCount(amount)} ${currencyCode ?? ''}`.trim();
  }
}

// A number among MetricValue.details, by what its key says of it.
export function formatDetail(key: string, value: number, unit: string | undefined): string {
  if (unit === 'seconds' && /^(median|p\d+|mean|min|max)/.test(key)) return formatDuration(value);
  if (/share|rate/.test(key)) return formatShare(value, 2);
  if (Number.isInteger(value)) return formatCount(value);
  return fixed(value, 3);
}

const kRelativeSteps: [number, string, number][] = [
  [60, 's', 1],
  [3_600, 'min', 60],
  [86_400, 'h', 3_600],
  [30 * 86_400, 'd', 86_400],
  [365 * 86_400, 'mo', 30.44 * 86_400],
  [Infinity, 'y', 365.25 * 86_400],
];

// `3 min ago`; of the future: `in 4 d`.
export function formatRelative(time: string | number | undefined, now: number): string {
  const instant = typeof time === 'number' ? time : Date.parse(time ?? '');
  if (!Number.isFinite(instant)) return '';
  const seconds = (now - instant) / 1000;
  const size = Math.abs(seconds);
  if (size < 5) return 'just now';
  for (const [limit, suffix, unit] of kRelativeSteps) {
    if (size < limit) {
      const text = `${Math.max(1, Math.floor(size / unit))} ${suffix}`;
      return seconds >= 0 ? `${text} ago` : `in ${text}`;
    }
  }
  return '';
}

export interface Clock {
  date(time: string | number | undefined): string;
  time(time: string | number | undefined): string;
  dateTime(time: string | number | undefined): string;
  day(time: string | number | undefined): string;
  zone: string;
}

// Dates and times in the workspace's zone; UTC where the zone is unknown to this browser.
export function makeClock(timeZone: string | undefined): Clock {
  let zone = timeZone || 'UTC';
  try {
    new Intl.DateTimeFormat(kLocale, { timeZone: zone });
  } catch {
    zone = 'UTC';
  }
  const formatter = (options: Intl.DateTimeFormatOptions) => {
    const format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, ...options });
    return (time: string | number | undefined) => {
      const instant = typeof time === 'number' ? time : Date.parse(time ?? '');
      return Number.isFinite(instant) ? format.format(instant) : '';
    };
  };
  return {
    zone,
    date: formatter({ day: 'numeric', month: 'short', year: 'numeric' }),
    time: formatter({ hour: '2-digit', minute: '2-digit' }),
    dateTime: formatter({ day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' }),
    day: formatter({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }),
  };
}
