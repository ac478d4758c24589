// The emotion curve of a map: which level is drawn where, and the path through them. Pure.
import { curveMonotoneX, line } from 'd3-shape';
import type { Emotion, Touchpoint } from '../api/types';

export interface EmotionPoint {
  touchpoint: Touchpoint;
  column: number;
  level: number;
  measured: boolean;
  // Whether the level is stated for everyone and stands in for the chosen persona.
  shared: boolean;
}

// The persona's own entry, or else the one for everyone. Levels outside −2..+2 are drawn at the edge.
export function emotionAt(touchpoint: Touchpoint, persona: string): { emotion: Emotion; shared: boolean } | undefined {
  const emotions = touchpoint.emotions ?? [];
  const own = emotions.find((emotion) => (emotion.persona ?? '') === persona);
  if (own) return { emotion: own, shared: false };
  const everyone = persona === '' ? undefined : emotions.find((emotion) => !emotion.persona);
  return everyone ? { emotion: everyone, shared: true } : undefined;
}

// One entry for each touchpoint in the order of the columns; null where nothing is stated.
export function emotionPoints(touchpoints: Touchpoint[], persona: string): (EmotionPoint | null)[] {
  return touchpoints.map((touchpoint, column) => {
    const found = emotionAt(touchpoint, persona);
    if (!found) return null;
    const level = Math.min(2, Math.max(-2, found.emotion.level ?? 0));
    return { touchpoint, column, level, measured: found.emotion.origin === 'MEASURED', shared: found.shared };
  });
}

export interface CurveScale {
  x: (column: number) => number;
  y: (level: number) => number;
}

// A smooth path that never overshoots its points, and breaks where a touchpoint states no level.
export function emotionPath(points: (EmotionPoint | null)[], scale: CurveScale): string {
  return (
    line<EmotionPoint | null>()
      .defined((point) => point !== null)
      .x((point) => scale.x(point?.column ?? 0))
      .y((point) => scale.y(point?.level ?? 0))
      .curve(curveMonotoneX)(points) ?? ''
  );
}

// Stretches between neighbouring points that are both measured: there the line is solid, elsewhere dashed.
export function measuredStretches(points: (EmotionPoint | null)[]): { from: number; to: number }[] {
  const stretches: { from: number; to: number }[] = [];
  for (let column = 1; column < points.length; ++column) {
    if (!points[column - 1]?.measured || !points[column]?.measured) continue;
    const last = stretches.at(-1);
    if (last && last.to === column - 1) last.to = column;
    else stretches.push({ from: column - 1, to: column });
  }
  return stretches;
}

// Whether anybody's level is stated anywhere: without one there is no curve to draw.
export const hasEmotion = (touchpoints: Touchpoint[] | undefined): boolean =>
  (touchpoints ?? []).some((touchpoint) => (touchpoint.emotions ?? []).length > 0);

const kWords = ['Very bad', 'Bad', 'Neutral', 'Good', 'Very good'];

export const emotionWord = (level: number): string => kWords[Math.min(4, Math.max(0, Math.round(level) + 2))] ?? '';

export const formatLevel = (level: number): string => {
  const text = Math.abs(level).toFixed(1).replace(/\.0$/, '');
  return text === '0' ? '0' : level > 0 ? `+${text}` : `\u2212${text}`;
};

// The choice with the fewest gaps: everyone, unless a persona fills more of them.
export function personaWithMostLevels(touchpoints: Touchpoint[], personas: string[]): string {
  let best = '';
  let most = -1;
  for (const persona of ['', ...personas]) {
    const stated = touchpoints.filter((touchpoint) => emotionAt(touchpoint, persona) !== undefined).length;
    if (stated > most) {
      best = persona;
      most = stated;
    }
  }
  return best;
}
