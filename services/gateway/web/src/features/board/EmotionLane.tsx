// The emotion curve, each point below its touchpoint. Measured levels are filled and joined by a solid line; assumed
// ones are hollow and dashed. A table of the same numbers is there for screen readers.
import { Tooltip, VisuallyHidden } from '@mantine/core';
import { useId, useMemo } from 'react';
import type { Touchpoint } from '../../api/types';
import { type EmotionPoint, emotionPath, emotionPoints, emotionWord, formatLevel, measuredStretches } from '../../lib/emotion';
import classes from './Board.module.css';

export const kEmotionHeight = 176;
const kTop = 20;
const kBottom = 24;

const yOf = (level: number): number => kTop + ((2 - level) / 4) * (kEmotionHeight - kTop - kBottom);

export const emotionY = yOf;

const kNoPersonaColumns: Touchpoint = { id: '', phase: '' };

interface EmotionCurveProps {
  columns: (Touchpoint | null)[];
  persona: string;
  columnWidth: number;
  // Columns at which a phase begins, for the vertical rules.
  rules?: number[];
}

function pointTip(point: EmotionPoint): string {
  const origin = point.measured ? 'measured' : 'assumed';
  return `${emotionWord(point.level)} (${formatLevel(point.level)}), ${origin}${point.shared ? ', for everyone' : ''}`;
}

export function EmotionCurve({ columns, persona, columnWidth, rules = [] }: EmotionCurveProps) {
  const id = useId();
  const points = useMemo(
    () => emotionPoints(columns.map((touchpoint) => touchpoint ?? kNoPersonaColumns), persona),
    [columns, persona],
  );
  const width = columns.length * columnWidth;
  const x = (column: number) => (column + 0.5) * columnWidth;
  const path = emotionPath(points, { x, y: yOf });
  const stretches = measuredStretches(points);
  const inset = Math.min(columnWidth * 0.5, 20);
  const drawn = points.filter((point) => point !== null);
  return (
    <>
      <svg width={width} height={kEmotionHeight} style={{ display: 'block' }} aria-hidden focusable="false">
        <defs>
          <linearGradient id={`${id}s`} gradientUnits="userSpaceOnUse" x1="0" x2="0" y1={yOf(2)} y2={yOf(-2)}>
            <stop offset="0" stopColor="var(--tl-delight)" />
            <stop offset="0.42" stopColor="var(--tl-delight)" />
            <stop offset="0.58" stopColor="var(--tl-despair)" />
            <stop offset="1" stopColor="var(--tl-despair)" />
          </linearGradient>
          <linearGradient id={`${id}f`} gradientUnits="userSpaceOnUse" x1="0" x2="0" y1={yOf(2)} y2={yOf(-2)}>
            <stop offset="0" stopColor="var(--tl-delight)" stopOpacity="0.2" />
            <stop offset="0.5" stopColor="var(--tl-delight)" stopOpacity="0.02" />
            <stop offset="0.5" stopColor="var(--tl-despair)" stopOpacity="0.02" />
            <stop offset="1" stopColor="var(--tl-despair)" stopOpacity="0.2" />
          </linearGradient>
          <clipPath id={`${id}m`}>
            {stretches.map(({ from, to }) => (
              <rect key={from} x={x(from)} y="0" width={x(to) - x(from)} height={kEmotionHeight} />
            ))}
          </clipPath>
          <clipPath id={`${id}a`}>
            {points.slice(1).map((point, index) =>
              point?.measured && points[index]?.measured ? null : (
                <rect key={index} x={x(index)} y="0" width={columnWidth} height={kEmotionHeight} />
              ),
            )}
          </clipPath>
        </defs>
        {rules.map((column) => (
          <line
            key={column}
            x1={column * columnWidth + 0.5}
            x2={column * columnWidth + 0.5}
            y1="0"
            y2={kEmotionHeight}
            stroke="var(--tl-line)"
          />
        ))}
        {[2, 1, 0, -1, -2].map((level) => (
          <line
            key={level}
            x1={inset / 2}
            x2={width - inset / 2}
            y1={yOf(level)}
            y2={yOf(level)}
            stroke={level === 0 ? 'var(--tl-line-strong)' : 'var(--tl-line)'}
            strokeDasharray={level === 0 ? undefined : '2 5'}
          />
        ))}
        {drawn.length > 1 && (
          <>
            <path d={areaUnder(points, path, x)} fill={`url(#${id}f)`} />
            <path d={path} fill="none" stroke={`url(#${id}s)`} strokeWidth="2.5" strokeLinecap="round" clipPath={`url(#${id}m)`} />
            <path d={path} fill="none" stroke={`url(#${id}s)`} strokeWidth="2.2" strokeDasharray="5 5" clipPath={`url(#${id}a)`} />
          </>
        )}
        {drawn.map((point) => (
          <EmotionDot key={point.touchpoint.id} point={point} x={x(point.column)} />
        ))}
      </svg>
      <EmotionTable points={drawn} />
    </>
  );
}

// The surface between curve and neutral line, for each unbroken piece of the curve.
function areaUnder(points: (EmotionPoint | null)[], path: string, x: (column: number) => number): string {
  const pieces = path.split(/(?=M)/).filter(Boolean);
  const ends: { from: number; to: number }[] = [];
  points.forEach((point, column) => {
    if (!point) return;
    const last = ends.at(-1);
    if (last && last.to === column - 1) last.to = column;
    else ends.push({ from: column, to: column });
  });
  return pieces
    .map((piece, index) => {
      const end = ends[index];
      if (!end || end.from === end.to) return '';
      return `${piece.replace(/Z$/, '')}L${x(end.to)},${yOf(0)}L${x(end.from)},${yOf(0)}Z`;
    })
    .join('');
}

function EmotionDot({ point, x }: { point: EmotionPoint; x: number }) {
  const y = yOf(point.level);
  const color = point.level >= 0 ? 'var(--tl-delight)' : 'var(--tl-despair)';
  return (
    <Tooltip label={pointTip(point)} openDelay={80}>
      <g>
        <circle cx={x} cy={y} r="14" fill="transparent" />
        <circle
          cx={x}
          cy={y}
          r="6"
          fill={point.measured ? color : 'var(--tl-page)'}
          stroke={point.measured ? 'var(--tl-page)' : color}
          strokeWidth={point.measured ? 2 : 2.2}
        />
        <text
          x={x}
          y={point.level >= 0 ? y - 12 : y + 21}
          textAnchor="middle"
          fontSize="11.5"
          fontWeight="600"
          fill="var(--tl-muted)"
          className={`tl-number ${classes.rimmed}`}
        >
          {formatLevel(point.level)}
        </text>
      </g>
    </Tooltip>
  );
}

function EmotionTable({ points }: { points: EmotionPoint[] }) {
  return (
    <VisuallyHidden>
      <table>
        <caption>Emotion at each touchpoint</caption>
        <thead>
          <tr>
            <th scope="col">Touchpoint</th>
            <th scope="col">Level, −2 to +2</th>
            <th scope="col">Origin</th>
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.touchpoint.id}>
              <th scope="row">{point.touchpoint.displayName || point.touchpoint.id}</th>
              <td>{`${formatLevel(point.level)}, ${emotionWord(point.level)}`}</td>
              <td>{point.measured ? 'measured' : 'assumed'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </VisuallyHidden>
  );
}
