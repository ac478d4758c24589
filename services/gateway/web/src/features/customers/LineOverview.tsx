// The loaded part of the line at a glance: a lane for each department, a band for each lifecycle stage. The events are
// listed below, so the picture is described and not read out dot by dot.
import { useElementSize } from '@mantine/hooks';
import { useMemo } from 'react';
import type { TimelineEntry } from '../../api/types';
import type { DepartmentBook } from '../../components/WorkspaceContext';
import type { Clock } from '../../lib/format';
import { formatCount } from '../../lib/format';
import { humanize } from '../../lib/names';
import { entryKey, overviewOf } from '../../lib/timeline';
import classes from './Customers.module.css';

const kLabelWidth = 96;
const kLabelWidthNarrow = 76;
const kRow = 30;
const kTop = 24;
const kAxis = 26;
const kEdge = 10;

interface LineOverviewProps {
  entries: TimelineEntry[];
  departments: DepartmentBook;
  stageLabel: (name: string | undefined) => string;
  stageColor: (name: string | undefined) => string;
  clock: Clock;
  onPick: (key: string) => void;
}

export function LineOverview({ entries, departments, stageLabel, stageColor, clock, onPick }: LineOverviewProps) {
  const { ref, width: measured } = useElementSize();
  const width = measured || 800;
  const labelWidth = width < 520 ? kLabelWidthNarrow : kLabelWidth;
  const overview = useMemo(
    () =>
      overviewOf(
        entries,
        departments.all.map((look) => look.id),
      ),
    [entries, departments],
  );
  if (!overview) return null;
  const height = kTop + overview.lanes.length * kRow + kAxis;
  const bottom = height - kAxis;
  const x = (at: number) => labelWidth + kEdge + at * Math.max(1, width - labelWidth - 2 * kEdge);
  const label = (department: string) => departments.look(department)?.label ?? 'No department';
  const description = `${formatCount(entries.length)} events from ${clock.date(overview.start)} to ${clock.date(overview.end)}: ${overview.lanes
    .map((lane) => `${label(lane.department)} ${formatCount(lane.dots.length)}`)
    .join(', ')}`;
  return (
    <div ref={ref}>
      <svg className={classes.overview} width={width} height={height} role="img" aria-label={description}>
        {overview.bands.map((band, index) => {
          const left = index === 0 ? labelWidth : x(band.from);
          const right = index === overview.bands.length - 1 ? width : x(band.to);
          const text = band.stage ? stageLabel(band.stage) : '';
          return (
            <g key={index}>
              <rect x={left} y="0" width={Math.max(0, right - left)} height={bottom} fill={stageColor(band.stage)} opacity={index % 2 ? 0.05 : 0.1} />
              <rect x={left} y="0" width={Math.max(0, right - left - 1)} height="3" fill={stageColor(band.stage)} />
              {text.length * 6.6 + 10 < right - left && (
                <text x={left + 6} y="17" fontSize="11" fontWeight="600" fill="var(--tl-muted)">
                  {text}
                </text>
              )}
            </g>
          );
        })}
        {overview.lanes.map((lane, row) => {
          const y = kTop + (row + 0.5) * kRow;
          const color = departments.look(lane.department)?.color ?? 'var(--tl-abandoned)';
          return (
            <g key={lane.department || 'none'}>
              <text x="0" y={y + 4} fontSize="12" fontWeight="550" fill="var(--tl-muted)">
                {label(lane.department) || humanize(lane.department)}
              </text>
              <line x1={labelWidth} x2={width} y1={y} y2={y} stroke="var(--tl-line)" />
              {lane.dots.map(({ entry, at }) => {
                const key = entryKey(entry.event);
                const special = entry.event?.surveyResponse || entry.event?.moneyMovement || entry.event?.handOff;
                return (
                  <circle
                    key={key}
                    className={classes.overviewDot}
                    cx={x(at)}
                    cy={y}
                    r={special ? 6 : 4.5}
                    fill={color}
                    stroke="var(--tl-surface)"
                    strokeWidth="1.5"
                    onClick={() => onPick(key)}
                  >
                    <title>{`${humanize(entry.event?.eventName ?? '')}, ${clock.dateTime(entry.event?.eventTime)}`}</title>
                  </circle>
                );
              })}
            </g>
          );
        })}
        <text x={labelWidth} y={height - 6} fontSize="11" fill="var(--tl-muted)">
          {clock.date(overview.start)}
        </text>
        <text x={width} y={height - 6} fontSize="11" textAnchor="end" fill="var(--tl-muted)">
          {clock.date(overview.end)}
        </text>
      </svg>
    </div>
  );
}
