// From a map and its positions to what the board draws: columns, reach, and flows between them. Pure.
import type { JourneyMap, JourneyMapPositions, Phase, Touchpoint, TouchpointPosition, Transition } from '../api/types';
import { toCount } from './format';
import { wilson } from './metrics';

export interface PhaseColumns {
  phase: Phase;
  // Touchpoints of the phase, in the map's order, and the column of the first. An empty phase takes one column.
  touchpoints: Touchpoint[];
  start: number;
  span: number;
}

export interface BoardLayout {
  phases: PhaseColumns[];
  // One entry for each column; null where an empty phase stands.
  columns: (Touchpoint | null)[];
}

export function layOut(map: JourneyMap): BoardLayout {
  const phases: PhaseColumns[] = [];
  const columns: (Touchpoint | null)[] = [];
  for (const phase of map.phases ?? []) {
    const touchpoints = (map.touchpoints ?? []).filter((touchpoint) => touchpoint.phase === phase.id);
    phases.push({ phase, touchpoints, start: columns.length, span: Math.max(1, touchpoints.length) });
    if (touchpoints.length === 0) columns.push(null);
    else columns.push(...touchpoints);
  }
  return { phases, columns };
}

export interface Flow {
  from: string;
  to: string;
  fromColumn: number;
  toColumn: number;
  // Directly following visits, the runs that made at least one, and the share of these among the runs at `from`;
  // undefined where nothing was measured.
  count: number;
  runs: number;
  share: number | undefined;
  low: number | undefined;
  high: number | undefined;
  medianSeconds: number | undefined;
  transition: Transition | undefined;
  // How the observed share stands to the expected one; undefined where either is missing.
  verdict: 'as-expected' | 'less' | 'more' | undefined;
}

// Every expected and every observed way between two drawn touchpoints.
export function flowsOf(
  map: JourneyMap,
  positions: JourneyMapPositions | undefined,
  columns: (Touchpoint | null)[],
): Flow[] {
  const columnOf = new Map<string, number>();
  columns.forEach((touchpoint, column) => touchpoint && columnOf.set(touchpoint.id, column));
  const positionOf = new Map((positions?.touchpoints ?? []).map((position) => [position.touchpoint, position]));
  const flows = new Map<string, Flow>();
  const flowFor = (from: string, to: string): Flow | undefined => {
    const fromColumn = columnOf.get(from);
    const toColumn = columnOf.get(to);
    if (fromColumn === undefined || toColumn === undefined) return undefined;
    const key = `${from} ${to}`;
    let flow = flows.get(key);
    if (!flow) {
      const atFrom = toCount(positionOf.get(from)?.instanceCount);
      flow = {
        from,
        to,
        fromColumn,
        toColumn,
        count: 0,
        runs: 0,
        share: atFrom > 0 ? 0 : undefined,
        low: undefined,
        high: undefined,
        medianSeconds: undefined,
        transition: undefined,
        verdict: undefined,
      };
      flows.set(key, flow);
    }
    return flow;
  };
  for (const transition of map.transitions ?? []) {
    const flow = flowFor(transition.fromTouchpoint, transition.toTouchpoint ?? '');
    if (flow && !flow.transition) flow.transition = transition;
  }
  for (const observed of positions?.transitions ?? []) {
    const flow = flowFor(observed.fromTouchpoint, observed.toTouchpoint);
    if (!flow) continue;
    flow.count = toCount(observed.count);
    flow.runs = toCount(observed.instanceCount);
    flow.medianSeconds = observed.medianSeconds;
  }
  for (const flow of flows.values()) judge(flow, toCount(positionOf.get(flow.from)?.instanceCount));
  return [...flows.values()].sort((a, b) => b.count - a.count);
}

// Expected shares are stated in whole percents; less than half of one is no difference to speak of.
const kDifferenceMin = 0.005;

function judge(flow: Flow, runsAtFrom: number): void {
  if (runsAtFrom <= 0) return;
  flow.share = flow.runs / runsAtFrom;
  const interval = wilson(flow.runs, runsAtFrom);
  flow.low = interval?.low;
  flow.high = interval?.high;
  const expected = flow.transition?.expectedShare;
  if (expected === undefined || !interval) return;
  const differs = Math.abs(flow.share - expected) >= kDifferenceMin;
  flow.verdict = differs && interval.high < expected ? 'less' : differs && interval.low > expected ? 'more' : 'as-expected';
}

export interface HereNow {
  active: number;
  stalled: number;
  abandoned: number;
  completed: number;
  total: number;
}

export function hereNow(position: Pick<TouchpointPosition, 'positionCounts'> | undefined): HereNow {
  const counts = position?.positionCounts ?? {};
  const active = toCount(counts.active);
  const stalled = toCount(counts.stalled);
  const abandoned = toCount(counts.abandoned);
  const completed = toCount(counts.completed);
  return { active, stalled, abandoned, completed, total: active + stalled + abandoned + completed };
}

// Whether the draft has moved on from what was published and is measured.
export function differsFromPublished(map: JourneyMap, published: JourneyMap | undefined): boolean {
  if (!published) return false;
  const drawn = (m: JourneyMap) =>
    JSON.stringify([m.phases ?? [], m.touchpoints ?? [], m.transitions ?? [], m.instanceRule ?? {}]);
  return drawn(map) !== drawn(published);
}
