// A customer's line: its events in stretches of one lifecycle stage, and their places on a picture of the whole. Pure.
import type { CustomerEvent, TimelineEntry } from '../api/types';

export interface StageStretch {
  // Resource name of the stage; empty before the first.
  stage: string;
  entries: TimelineEntry[];
}

// Consecutive entries of one stage, in the order of the line.
export function stageStretches(entries: TimelineEntry[]): StageStretch[] {
  const stretches: StageStretch[] = [];
  for (const entry of entries) {
    const stage = entry.lifecycleStage ?? '';
    const last = stretches.at(-1);
    if (last && last.stage === stage) last.entries.push(entry);
    else stretches.push({ stage, entries: [entry] });
  }
  return stretches;
}

export const timeOf = (entry: TimelineEntry): number => Date.parse(entry.event?.eventTime ?? '');

export const entryKey = (event: CustomerEvent | undefined): string => `${event?.source ?? ''}/${event?.id ?? ''}`;

export interface LaneDot {
  entry: TimelineEntry;
  // 0 at the first event of the line, 1 at the last.
  at: number;
}

export interface Lane {
  // Id of the department; empty for events that name none.
  department: string;
  dots: LaneDot[];
}

export interface Band {
  stage: string;
  from: number;
  to: number;
}

export interface Overview {
  start: number;
  end: number;
  lanes: Lane[];
  bands: Band[];
}

// Lanes in the given order of departments, then those that the workspace does not know, then events without one.
export function overviewOf(entries: TimelineEntry[], departments: string[]): Overview | undefined {
  const timed = entries.filter((entry) => Number.isFinite(timeOf(entry)));
  const first = timed[0];
  const last = timed.at(-1);
  if (!first || !last) return undefined;
  const start = timeOf(first);
  const end = timeOf(last);
  const at = (time: number) => (end > start ? (time - start) / (end - start) : 0.5);
  const lanes = new Map<string, Lane>();
  for (const entry of timed) {
    const department = entry.event?.department ?? '';
    const lane = lanes.get(department) ?? { department, dots: [] };
    lane.dots.push({ entry, at: at(timeOf(entry)) });
    lanes.set(department, lane);
  }
  const rank = (department: string) => {
    if (department === '') return Infinity;
    const known = departments.indexOf(department);
    return known === -1 ? departments.length : known;
  };
  const bands: Band[] = [];
  for (const stretch of stageStretches(timed)) {
    const from = at(timeOf(stretch.entries[0] as TimelineEntry));
    const previous = bands.at(-1);
    if (previous) previous.to = from;
    bands.push({ stage: stretch.stage, from, to: 1 });
  }
  return {
    start,
    end,
    lanes: [...lanes.values()].sort((a, b) => rank(a.department) - rank(b.department)),
    bands,
  };
}
