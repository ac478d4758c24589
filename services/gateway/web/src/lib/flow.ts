// Where the ways between touchpoints are drawn: neighbours by a straight line, the others by arcs that do not cross each
// other's labels. Pure.
import type { Flow } from './board';

export interface Arc {
  flow: Flow;
  // 'above' goes forward past touchpoints, 'below' goes back or stays.
  side: 'above' | 'below';
  // 0 is nearest to the line.
  level: number;
}

export interface FlowDrawing {
  straight: Flow[];
  arcs: Arc[];
  levelsAbove: number;
  levelsBelow: number;
  // Ways that are too rare or too many to draw; the drawer lists every one.
  hidden: number;
}

// Ways that the map does not draw are shown from this share of the runs on.
export const kDrawnShareMin = 0.1;
// More levels than this would make the lane taller than the cards.
export const kArcLevelsMax = 3;

export function drawFlows(flows: Flow[]): FlowDrawing {
  const straight: Flow[] = [];
  const candidates: Flow[] = [];
  let hidden = 0;
  for (const flow of flows) {
    if (flow.toColumn === flow.fromColumn + 1) {
      straight.push(flow);
    } else if (flow.transition || (flow.share ?? 0) >= kDrawnShareMin) {
      candidates.push(flow);
    } else if (flow.count > 0) {
      ++hidden;
    }
  }
  // The map's own ways come first, then the shortest; they take the inner levels.
  candidates.sort((a, b) => Number(!a.transition) - Number(!b.transition) || span(a) - span(b) || b.count - a.count);
  const taken = { above: [] as [number, number][][], below: [] as [number, number][][] };
  const arcs: Arc[] = [];
  for (const flow of candidates) {
    const side = flow.toColumn > flow.fromColumn ? 'above' : 'below';
    const left = Math.min(flow.fromColumn, flow.toColumn);
    const right = Math.max(flow.fromColumn, flow.toColumn);
    const levels = taken[side];
    let level = levels.findIndex((ranges) => ranges.every(([from, to]) => right < from || left > to));
    if (level === -1) level = levels.length;
    if (level >= kArcLevelsMax) {
      ++hidden;
      continue;
    }
    (levels[level] ??= []).push([left, right]);
    arcs.push({ flow, side, level });
  }
  return { straight, arcs, levelsAbove: taken.above.length, levelsBelow: taken.below.length, hidden };
}

const span = (flow: Flow): number => Math.abs(flow.toColumn - flow.fromColumn);
