// The board itself: one column for each touchpoint, phases above, lanes below each other and aligned with the columns.
import { useElementSize, useMergedRef } from '@mantine/hooks';
import { IconHeart, IconMoodEmpty, IconMoodHappy, IconMoodSad } from '../../icons';
import { type CSSProperties, Fragment, type ReactNode, useMemo, useRef, useState } from 'react';
import type { Touchpoint } from '../../api/types';
import { hasEmotion } from '../../lib/emotion';
import { drawFlows } from '../../lib/flow';
import type { Metric } from '../../lib/metrics';
import { MetricChip } from '../metrics/MetricChip';
import { metricName, metricTarget } from '../metrics/describe';
import classes from './Board.module.css';
import { EmotionCurve, emotionY } from './EmotionLane';
import { FlowLane } from './FlowLane';
import { TouchpointCard } from './TouchpointCard';
import { type Board, onwardMetrics } from './useBoard';
import { useRovingBoard } from './useRovingBoard';

const kColumnWidthMin = 232;
const kColumnWidthMax = 340;
const kLaneNameWidth = 132;
const kNoMetrics: Metric[] = [];

interface BoardGridProps {
  board: Board;
  persona: string;
  openTouchpoint: string | null;
  onOpenTouchpoint: (id: string) => void;
  onOpenMetric: (attachment: string) => void;
}

function LaneName({ row, title, hint, children }: { row: number; title: string; hint?: string; children?: ReactNode }) {
  return (
    <div className={classes.laneName} style={{ gridRow: row, gridColumn: 1 }}>
      {title}
      {hint && <span className={classes.laneHint}>{hint}</span>}
      {children}
    </div>
  );
}

function EmotionAxis() {
  return (
    <span aria-hidden>
      {(
        [
          [2, IconMoodHappy, 'var(--tl-delight)'],
          [0, IconMoodEmpty, 'var(--tl-muted)'],
          [-2, IconMoodSad, 'var(--tl-despair)'],
        ] as const
      ).map(([level, Icon, color]) => (
        <Icon
          key={level}
          size={20}
          stroke={1.7}
          color={color}
          style={{ position: 'absolute', right: 12, top: emotionY(level) - 10 }}
        />
      ))}
    </span>
  );
}

function flowHint({ flows, positions }: Board): string {
  if (!positions) return 'Shares that are expected to go on each way';
  const { hidden } = drawFlows(flows);
  const rare = hidden > 0 ? `. Not drawn: ${hidden} rarer ${hidden === 1 ? 'way' : 'ways'}` : '';
  return `Runs, and the share that go on each way. Grey: not on the map${rare}`;
}

function VoiceCell({ touchpoint }: { touchpoint: Touchpoint }) {
  const items = [
    ...(touchpoint.painPoints ?? []).map((text) => ({ text, pain: true })),
    ...(touchpoint.gains ?? []).map((text) => ({ text, pain: false })),
  ];
  const shown = items.slice(0, 3);
  return (
    <ul className={classes.voice}>
      {shown.map(({ text, pain }, index) => (
        <li key={index}>
          {pain ? (
            <IconMoodSad size={14} color="var(--tl-bad)" role="img" aria-label="Pain" />
          ) : (
            <IconHeart size={14} color="var(--tl-good)" role="img" aria-label="Gain" />
          )}
          <span>{text}</span>
        </li>
      ))}
      {items.length > shown.length && <li className={classes.more}>and {items.length - shown.length} more</li>}
    </ul>
  );
}

export function BoardGrid({ board, persona, openTouchpoint, onOpenTouchpoint, onOpenMetric }: BoardGridProps) {
  const { layout, metrics, positions } = board;
  const { columns, phases } = layout;
  const root = useRef<HTMLDivElement>(null);
  const { ref: sizeRef, width } = useElementSize<HTMLDivElement>();
  const ref = useMergedRef(root, sizeRef);
  const { onFocus, onKeyDown } = useRovingBoard(root);
  const [focus, setFocus] = useState<string | null>(null);

  const available = (width || window.innerWidth) - kLaneNameWidth - 24;
  const columnWidth = Math.floor(
    Math.min(kColumnWidthMax, Math.max(kColumnWidthMin, available / Math.max(1, columns.length))),
  );
  const starts = useMemo(() => phases.map((phase) => phase.start), [phases]);
  const positionOf = useMemo(
    () => new Map((positions?.touchpoints ?? []).map((position) => [position.touchpoint, position])),
    [positions],
  );
  const hasVoice = columns.some((touchpoint) => touchpoint?.painPoints?.length || touchpoint?.gains?.length);
  const onward = columns.map((touchpoint) => onwardMetrics(board, touchpoint?.id));
  const hasOnward = onward.some((entries) => entries.length > 0);
  const all = { gridColumn: `2 / span ${columns.length}` };
  const rows = { phase: 1, cards: 2, emotion: 3, flow: 4, onward: 5, voice: hasOnward ? 6 : 5 };
  const style: CSSProperties = {
    gridTemplateColumns: `${kLaneNameWidth}px repeat(${columns.length}, ${columnWidth}px) minmax(24px, 1fr)`,
    gridTemplateRows: `auto auto auto auto ${hasOnward ? 'auto ' : ''}${hasVoice ? 'auto ' : ''}1fr`,
  };

  return (
    <div
      ref={ref}
      className={classes.scroller}
      role="group"
      aria-label="Board. Arrow keys move between touchpoints and their numbers."
      onKeyDown={onKeyDown}
      onFocus={(event) => {
        onFocus(event);
        setFocus((event.target as HTMLElement).closest<HTMLElement>('[data-touchpoint]')?.dataset.touchpoint ?? null);
      }}
      onBlur={() => setFocus(null)}
      data-testid="board"
    >
      <div className={classes.grid} style={style}>
        <div className={classes.corner} style={{ gridRow: rows.phase, gridColumn: 1 }} />
        {phases.map(({ phase, start, span }) => (
          <div
            key={phase.id}
            className={classes.phase}
            style={{ gridRow: rows.phase, gridColumn: `${start + 2} / span ${span}` }}
          >
            <div className={classes.phaseTitle}>
              <h2 className={classes.phaseName} style={{ margin: 0 }}>
                {phase.displayName || phase.id}
              </h2>
              {phase.lifecycleStage && <span className={classes.phaseStage}>{board.stageLabel(phase.lifecycleStage)}</span>}
            </div>
            {(metrics.get(`phase:${phase.id}`) ?? []).length > 0 && (
              <div className={classes.phaseMetrics}>
                {(metrics.get(`phase:${phase.id}`) ?? []).map((metric) => (
                  <MetricChip
                    key={metric.attachment.name}
                    metric={metric}
                    label={metricName(metric)}
                    target={metricTarget(metric, board.touchpointLabel)}
                    column={start}
                    onOpen={onOpenMetric}
                  />
                ))}
              </div>
            )}
          </div>
        ))}
        <div className={classes.corner} style={{ gridRow: rows.phase, gridColumn: columns.length + 2, zIndex: 3 }} />

        {starts.map((column) => (
          <div key={column} className={classes.rule} style={{ gridColumn: column + 2, gridRow: '2 / -1' }} />
        ))}
        <LaneName row={rows.cards} title="Touchpoints" />
        {columns.map((touchpoint, column) => (
          <div
            key={touchpoint?.id ?? `empty-${column}`}
            className={classes.cell}
            style={{ gridRow: rows.cards, gridColumn: column + 2 }}
            onMouseEnter={() => setFocus(touchpoint?.id ?? null)}
            onMouseLeave={() => setFocus(null)}
          >
            {touchpoint ? (
              <TouchpointCard
                touchpoint={touchpoint}
                department={board.departments.look(touchpoint.department)}
                position={positionOf.get(touchpoint.id)}
                metrics={metrics.get(`touchpoint:${touchpoint.id}`) ?? kNoMetrics}
                column={column}
                isOpen={openTouchpoint === touchpoint.id}
                touchpointLabel={board.touchpointLabel}
                onOpenTouchpoint={onOpenTouchpoint}
                onOpenMetric={onOpenMetric}
              />
            ) : (
              <div className={classes.emptyPhase}>No touchpoints in this phase yet</div>
            )}
          </div>
        ))}

        {hasEmotion(board.map.touchpoints) ? (
          <Fragment>
            <LaneName row={rows.emotion} title="Experience" hint={'\u25cf measured\n\u25cb assumed'}>
              <EmotionAxis />
            </LaneName>
            <div className={classes.lane} style={{ gridRow: rows.emotion, ...all }} data-testid="emotion">
              <EmotionCurve columns={columns} persona={persona} columnWidth={columnWidth} />
            </div>
          </Fragment>
        ) : (
          <Fragment>
            <LaneName row={rows.emotion} title="Experience" />
            <div className={classes.laneEmpty} style={{ gridRow: rows.emotion, ...all }}>
              <span>No touchpoint of this map states an emotion yet</span>
            </div>
          </Fragment>
        )}

        <LaneName row={rows.flow} title="Flow" hint={flowHint(board)} />
        <div className={classes.lane} style={{ gridRow: rows.flow, ...all }} data-testid="flow">
          <FlowLane
            columns={columns}
            flows={board.flows}
            positions={positions?.touchpoints}
            columnWidth={columnWidth}
            touchpointLabel={board.touchpointLabel}
            focus={focus}
          />
        </div>

        {hasOnward && (
          <Fragment>
            <LaneName row={rows.onward} title="On the way" hint="Numbers of transitions, where they begin" />
            {onward.map((entries, column) => (
              <div
                key={column}
                className={classes.cell}
                style={{ gridRow: rows.onward, gridColumn: column + 2 }}
              >
                <div className={classes.cardMetrics}>
                  {entries.map(({ metric, transition }) => (
                    <MetricChip
                      key={metric.attachment.name}
                      metric={metric}
                      label={metricName(metric)}
                      target={transition.toTouchpoint ? board.touchpointLabel(transition.toTouchpoint) : 'out of the journey'}
                      column={column}
                      onOpen={onOpenMetric}
                    />
                  ))}
                </div>
              </div>
            ))}
          </Fragment>
        )}

        {hasVoice && (
          <Fragment>
            <LaneName row={rows.voice} title="Voice" hint="What hurts and what delights" />
            {columns.map((touchpoint, column) => (
              <div
                key={touchpoint?.id ?? `empty-${column}`}
                className={classes.cell}
                style={{ gridRow: rows.voice, gridColumn: column + 2, paddingBottom: 20, paddingInline: 14 }}
              >
                {touchpoint && <VoiceCell touchpoint={touchpoint} />}
              </div>
            ))}
          </Fragment>
        )}
      </div>
    </div>
  );
}
