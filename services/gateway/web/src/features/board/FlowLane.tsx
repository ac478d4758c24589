// What runs really do between the touchpoints: thickness and number are the share of the runs at a touchpoint that go on
// this way; the expected share stands beside it. Ways that the map does not draw are grey. A table of the same numbers is
// there for screen readers.
import { VisuallyHidden } from '@mantine/core';
import { memo, useMemo } from 'react';
import type { Touchpoint, TouchpointPosition } from '../../api/types';
import type { Flow } from '../../lib/board';
import { formatCompact, formatCount, formatDuration, formatShare } from '../../lib/format';
import { type Arc, drawFlows } from '../../lib/flow';
import classes from './Board.module.css';
import type { TouchpointLabel } from '../metrics/describe';

const kNode = { width: 58, height: 26 };
const kLevel = 26;
const kPad = 18;
const kRadius = 9;

interface FlowLaneProps {
  columns: (Touchpoint | null)[];
  flows: Flow[];
  positions: TouchpointPosition[] | undefined;
  columnWidth: number;
  touchpointLabel: TouchpointLabel;
  focus: string | null;
}

const thickness = (share: number | undefined): number => 1.5 + 8 * Math.min(1, share ?? 0);

const shareText = (flow: Flow): string => (flow.share === undefined ? '–' : formatShare(flow.share, 0));

const expectedText = (flow: Flow): string | undefined =>
  flow.transition?.expectedShare === undefined ? undefined : `exp. ${formatShare(flow.transition.expectedShare, 0)}`;

const verdictSign = (flow: Flow): string => (flow.verdict === 'less' ? '▼ ' : flow.verdict === 'more' ? '▲ ' : '');

// Wide enough for the text at 11.5px; the text is not measured, so that nothing moves after drawing.
const labelWidth = (text: string): number => text.length * 6.2 + 6;

function Label({ flow, x, y, oneLine, gap = 32 }: { flow: Flow; x: number; y: number; oneLine: boolean; gap?: number }) {
  const expected = expectedText(flow);
  const differs = flow.verdict === 'less' || flow.verdict === 'more';
  // Where nothing is measured there is only what is expected.
  const observed = flow.share === undefined && expected ? '' : `${verdictSign(flow)}${shareText(flow)}`;
  return (
    <g fontSize="11.5" textAnchor="middle" className={`tl-number ${classes.laneLabel}`}>
      {oneLine && (
        <rect
          x={x - labelWidth(`${observed} ${expected ?? ''}`.trim()) / 2}
          y={y - 12}
          width={labelWidth(`${observed} ${expected ?? ''}`.trim())}
          height="16"
          fill="var(--tl-page)"
        />
      )}
      <text x={x} y={y} fontWeight="650" fill={differs ? 'var(--tl-warn)' : 'var(--tl-text)'}>
        {observed}
        {oneLine && expected && (
          <tspan dx={observed ? 5 : 0} fontSize="10.5" fontWeight="450" fill="var(--tl-muted)">
            {expected}
          </tspan>
        )}
      </text>
      {!oneLine && expected && (
        <text x={x} y={y + gap} fontSize="10.5" fill="var(--tl-muted)">
          {expected}
        </text>
      )}
    </g>
  );
}

function strokeOf(flow: Flow) {
  const observed = flow.count > 0;
  return {
    fill: 'none',
    stroke: !observed ? 'var(--tl-line-strong)' : flow.transition ? 'var(--tl-active)' : 'var(--tl-abandoned)',
    strokeWidth: observed ? thickness(flow.share) : 1.6,
    strokeDasharray: observed ? undefined : '3 5',
    strokeOpacity: observed ? 0.62 : 1,
  };
}

// Below the line stand the expected shares; arcs keep clear of them.
const kFirstLevel = { above: 16, below: 34 };

function arcPath(arc: Arc, columnWidth: number, baseline: number): { path: string; labelX: number; labelY: number } {
  const { flow, side, level } = arc;
  const sign = side === 'above' ? -1 : 1;
  const self = flow.fromColumn === flow.toColumn;
  const forward = flow.toColumn >= flow.fromColumn ? 1 : -1;
  const startX = (flow.fromColumn + 0.5) * columnWidth + (self ? -8 : 19 * forward);
  const endX = (flow.toColumn + 0.5) * columnWidth + (self ? 8 : -19 * forward);
  const edge = baseline + sign * (kNode.height / 2 + 1);
  const peak = edge + sign * ((self ? 16 : kFirstLevel[side]) + level * kLevel);
  const toward = endX >= startX ? 1 : -1;
  const bend = Math.min(kRadius, Math.abs(endX - startX) / 2);
  const path = [
    `M${startX},${edge}`,
    `L${startX},${peak - sign * bend}`,
    `Q${startX},${peak} ${startX + toward * bend},${peak}`,
    `L${endX - toward * bend},${peak}`,
    `Q${endX},${peak} ${endX},${peak - sign * bend}`,
    `L${endX},${edge}`,
  ].join('');
  return { path, labelX: (startX + endX) / 2, labelY: peak + (self ? 15 : 4) };
}

function Node({ x, y, position, bound }: { x: number; y: number; position: TouchpointPosition | undefined; bound: boolean }) {
  return (
    <g>
      <rect
        x={x - kNode.width / 2}
        y={y - kNode.height / 2}
        width={kNode.width}
        height={kNode.height}
        rx={kNode.height / 2}
        fill="var(--tl-surface)"
        stroke="var(--tl-line-strong)"
        strokeDasharray={bound ? undefined : '3 3'}
      />
      <text x={x} y={y + 4} textAnchor="middle" fontSize="12" fontWeight="600" fill="var(--tl-text)" className="tl-number">
        {position ? formatCompact(position.instanceCount) : '–'}
      </text>
    </g>
  );
}

export const FlowLane = memo(function FlowLane(props: FlowLaneProps) {
  const { columns, flows, positions, columnWidth, focus } = props;
  const drawing = useMemo(() => drawFlows(flows), [flows]);
  const above = drawing.levelsAbove > 0 ? 12 + drawing.levelsAbove * kLevel : 10;
  const below = drawing.levelsBelow > 0 ? kFirstLevel.below + drawing.levelsBelow * kLevel : 14;
  const baseline = kPad + above + kNode.height / 2;
  const height = baseline + kNode.height / 2 + below + kPad;
  const width = columns.length * columnWidth;
  const x = (column: number) => (column + 0.5) * columnWidth;
  const positionOf = new Map((positions ?? []).map((position) => [position.touchpoint, position]));
  const dim = (flow: Flow) => (focus === null || flow.from === focus || flow.to === focus ? 1 : 0.22);
  return (
    <>
      <svg width={width} height={height} style={{ display: 'block' }} aria-hidden focusable="false">
        {drawing.arcs.map((arc) => (
          <path key={`${arc.flow.from} ${arc.flow.to}`} d={arcPath(arc, columnWidth, baseline).path} {...strokeOf(arc.flow)} opacity={dim(arc.flow)} />
        ))}
        {drawing.straight.map((flow) => (
          <path
            key={`${flow.from} ${flow.to}`}
            d={`M${x(flow.fromColumn) + kNode.width / 2},${baseline}L${x(flow.toColumn) - kNode.width / 2},${baseline}`}
            {...strokeOf(flow)}
            opacity={dim(flow)}
          />
        ))}
        {drawing.straight.map((flow) => (
          <g key={`${flow.from} ${flow.to}`} opacity={dim(flow)}>
            <Label flow={flow} x={(x(flow.fromColumn) + x(flow.toColumn)) / 2} y={baseline - 10} oneLine={false} />
          </g>
        ))}
        {drawing.arcs.map((arc) => {
          const { labelX, labelY } = arcPath(arc, columnWidth, baseline);
          return (
            <g key={`${arc.flow.from} ${arc.flow.to}`} opacity={dim(arc.flow)}>
              <Label flow={arc.flow} x={labelX} y={labelY} oneLine={arc.flow.from !== arc.flow.to} gap={13} />
            </g>
          );
        })}
        {columns.map(
          (touchpoint, column) =>
            touchpoint && (
              <Node
                key={touchpoint.id}
                x={x(column)}
                y={baseline}
                position={positionOf.get(touchpoint.id)}
                bound={Boolean(touchpoint.eventBinding?.eventNames?.length || touchpoint.eventBinding?.filter)}
              />
            ),
        )}
      </svg>
      <FlowTable flows={flows} touchpointLabel={props.touchpointLabel} />
    </>
  );
});

function FlowTable({ flows, touchpointLabel }: { flows: Flow[]; touchpointLabel: TouchpointLabel }) {
  return (
    <VisuallyHidden>
      <table>
        <caption>Ways between touchpoints</caption>
        <thead>
          <tr>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Observed</th>
            <th scope="col">Share of runs</th>
            <th scope="col">Expected share</th>
            <th scope="col">Median time</th>
          </tr>
        </thead>
        <tbody>
          {flows.map((flow) => (
            <tr key={`${flow.from} ${flow.to}`}>
              <td>{touchpointLabel(flow.from)}</td>
              <td>{touchpointLabel(flow.to)}</td>
              <td>{formatCount(flow.count)}</td>
              <td>{shareText(flow)}</td>
              <td>{flow.transition?.expectedShare === undefined ? 'not stated' : formatShare(flow.transition.expectedShare)}</td>
              <td>{flow.medianSeconds === undefined ? 'none' : formatDuration(flow.medianSeconds)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </VisuallyHidden>
  );
}
