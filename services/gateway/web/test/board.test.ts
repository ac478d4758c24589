import { describe, expect, it } from 'vitest';
import type { JourneyMap, JourneyMapPositions, Touchpoint } from '../src/api/types';
import { differsFromPublished, flowsOf, layOut } from '../src/lib/board';
import { emotionPath, emotionPoints, formatLevel, measuredStretches, personaWithMostLevels } from '../src/lib/emotion';
import { drawFlows } from '../src/lib/flow';
import { overviewOf, stageStretches } from '../src/lib/timeline';

const touchpoint = (id: string, phase: string, emotions: Touchpoint['emotions'] = []): Touchpoint => ({ id, phase, emotions });

const map: JourneyMap = {
  name: 'workspaces/w/journeyMaps/m',
  phases: [{ id: 'buy' }, { id: 'empty' }, { id: 'use' }],
  touchpoints: [touchpoint('a', 'buy'), touchpoint('d', 'use'), touchpoint('b', 'buy')],
  transitions: [
    { id: 't1', fromTouchpoint: 'a', toTouchpoint: 'b', expectedShare: 0.9 },
    { id: 't2', fromTouchpoint: 'b', toTouchpoint: 'd', expectedShare: 0.5 },
    { id: 't3', fromTouchpoint: 'd', kind: 'EXIT' },
  ],
};

const positions: JourneyMapPositions = {
  name: 'p',
  touchpoints: [
    { touchpoint: 'a', visitCount: '2000', instanceCount: '1000' },
    { touchpoint: 'b', visitCount: '400', instanceCount: '400' },
  ],
  transitions: [
    { fromTouchpoint: 'a', toTouchpoint: 'b', count: '700', instanceCount: '400', medianSeconds: 60 },
    { fromTouchpoint: 'a', toTouchpoint: 'd', count: '100', instanceCount: '100' },
    { fromTouchpoint: 'b', toTouchpoint: 'd', count: '200', instanceCount: '200' },
    { fromTouchpoint: 'b', toTouchpoint: 'a', count: '3', instanceCount: '3' },
  ],
};

describe('layOut', () => {
  it('orders touchpoints by phase, and gives an empty phase a column of its own', () => {
    const { columns, phases } = layOut(map);
    expect(columns.map((entry) => entry?.id ?? null)).toEqual(['a', 'b', null, 'd']);
    expect(phases.map(({ start, span }) => [start, span])).toEqual([
      [0, 2],
      [2, 1],
      [3, 1],
    ]);
  });
});

describe('flowsOf', () => {
  const { columns } = layOut(map);
  const flow = (from: string, to: string) => flowsOf(map, positions, columns).find((f) => f.from === from && f.to === to);

  it('joins expected and observed ways, and judges by the interval', () => {
    expect(flow('a', 'b')).toMatchObject({ count: 700, share: 0.4, verdict: 'less', medianSeconds: 60 });
    expect(flow('b', 'd')).toMatchObject({ share: 0.5, verdict: 'as-expected' });
    expect(flow('a', 'd')).toMatchObject({ share: 0.1, transition: undefined, verdict: undefined });
  });

  it('makes nothing of a difference that whole percents do not show', () => {
    const drawn = { ...map, transitions: [{ id: 'x', fromTouchpoint: 'a', toTouchpoint: 'b', expectedShare: 1 }] };
    const observed = (runs: string) => ({
      ...positions,
      touchpoints: [{ touchpoint: 'a', visitCount: '6401', instanceCount: '6401' }],
      transitions: [{ fromTouchpoint: 'a', toTouchpoint: 'b', count: runs, instanceCount: runs }],
    });
    expect(flowsOf(drawn, observed('6400'), columns)[0]?.verdict).toBe('as-expected');
    expect(flowsOf(drawn, observed('6300'), columns)[0]?.verdict).toBe('less');
  });

  it('knows no shares before anything is measured', () => {
    expect(flowsOf(map, undefined, columns).map((f) => f.share)).toEqual([undefined, undefined]);
  });

  it('draws neighbours straight, others as arcs, and counts what is too rare to draw', () => {
    const drawing = drawFlows(flowsOf(map, positions, columns));
    expect(drawing.straight.map((f) => `${f.from}${f.to}`)).toEqual(['ab']);
    expect(drawing.arcs.map((arc) => [`${arc.flow.from}${arc.flow.to}`, arc.side, arc.level])).toEqual([
      ['bd', 'above', 0],
      ['ad', 'above', 1],
    ]);
    expect(drawing.hidden).toBe(1);
  });
});

describe('differsFromPublished', () => {
  it('ignores what publishing itself changes', () => {
    expect(differsFromPublished({ ...map, etag: '9', publishedVersion: 'v' }, map)).toBe(false);
    expect(differsFromPublished({ ...map, touchpoints: [] }, map)).toBe(true);
    expect(differsFromPublished(map, undefined)).toBe(false);
  });
});

describe('emotion', () => {
  const measured = (level: number, persona?: string) => ({ level, persona, origin: 'MEASURED' as const });
  const points = emotionPoints(
    [
      touchpoint('a', 'p', [measured(1)]),
      touchpoint('b', 'p', [measured(-3, 'x'), { level: 0.5 }]),
      touchpoint('c', 'p'),
      touchpoint('d', 'p', [measured(2, 'x')]),
      touchpoint('e', 'p', [measured(1, 'x')]),
    ],
    'x',
  );
  const scale = { x: (column: number) => column * 10, y: (level: number) => -level };

  it('prefers the persona’s own level, falls back to everyone’s, and clamps', () => {
    expect(points.map((entry) => entry && [entry.level, entry.shared])).toEqual([
      [1, true],
      [-2, false],
      null,
      [2, false],
      [1, false],
    ]);
  });

  it('breaks the path where no level is stated', () => {
    expect(emotionPath(points, scale).match(/M/g)).toHaveLength(2);
  });

  it('passes through its points and never overshoots them', () => {
    const numbers = (emotionPath(points.slice(0, 2), scale).match(/-?\d+(\.\d+)?(e-?\d+)?/g) ?? []).map(Number);
    const heights = numbers.filter((_, index) => index % 2 === 1);
    expect(heights[0]).toBe(-1);
    expect(heights.at(-1)).toBe(2);
    expect(Math.max(...heights)).toBeLessThanOrEqual(2);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(-1);
  });

  it('finds the stretches where both ends are measured', () => {
    expect(measuredStretches(points)).toEqual([
      { from: 0, to: 1 },
      { from: 3, to: 4 },
    ]);
  });

  it('writes levels without a minus zero', () => {
    expect([1, -0.04, -1.5, 0].map(formatLevel)).toEqual(['+1', '0', '\u22121.5', '0']);
  });

  it('opens with the persona of whom most is stated', () => {
    const touchpoints = [touchpoint('a', 'p', [measured(1, 'x')]), touchpoint('b', 'p', [measured(1, 'x'), measured(0)])];
    expect(personaWithMostLevels(touchpoints, ['x', 'y'])).toBe('x');
    expect(personaWithMostLevels([touchpoint('a', 'p', [measured(1, 'x'), measured(0)])], ['x'])).toBe('');
    expect(personaWithMostLevels([], ['x'])).toBe('');
  });
});

describe('timeline', () => {
  const entry = (time: string, stage: string, department: string) => ({
    event: { id: time, source: 's', eventTime: time, department },
    lifecycleStage: stage,
  });
  const entries = [
    entry('2026-01-01T00:00:00Z', '', 'marketing'),
    entry('2026-01-03T00:00:00Z', 'one', 'sales'),
    entry('2026-01-05T00:00:00Z', 'one', ''),
  ];

  it('groups neighbours of one stage', () => {
    expect(stageStretches(entries).map((stretch) => [stretch.stage, stretch.entries.length])).toEqual([
      ['', 1],
      ['one', 2],
    ]);
  });

  it('places events between the first and the last, lanes in the departments’ order', () => {
    const overview = overviewOf(entries, ['sales', 'marketing']);
    expect(overview?.lanes.map((lane) => lane.department)).toEqual(['sales', 'marketing', '']);
    expect(overview?.lanes.map((lane) => lane.dots[0]?.at)).toEqual([0.5, 0, 1]);
    expect(overview?.bands).toEqual([
      { stage: '', from: 0, to: 0.5 },
      { stage: 'one', from: 0.5, to: 1 },
    ]);
    expect(overviewOf([], [])).toBeUndefined();
  });
});
