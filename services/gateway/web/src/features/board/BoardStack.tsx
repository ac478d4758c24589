// The board on a narrow screen: phases below each other, the curve as an overview on top.
import { useElementSize } from '@mantine/hooks';
import { Fragment, useMemo } from 'react';
import { hasEmotion } from '../../lib/emotion';
import { MetricChip } from '../metrics/MetricChip';
import { metricName, metricTarget } from '../metrics/describe';
import classes from './Board.module.css';
import { EmotionCurve } from './EmotionLane';
import { TouchpointCard } from './TouchpointCard';
import { type Board, onwardMetrics } from './useBoard';

// Below this the levels of neighbours would lie on each other; then the overview scrolls sideways.
const kColumnWidthMin = 34;

interface BoardStackProps {
  board: Board;
  persona: string;
  openTouchpoint: string | null;
  onOpenTouchpoint: (id: string) => void;
  onOpenMetric: (attachment: string) => void;
}

export function BoardStack({ board, persona, openTouchpoint, onOpenTouchpoint, onOpenMetric }: BoardStackProps) {
  const { layout, metrics, positions } = board;
  const { ref, width } = useElementSize();
  const columnWidth = Math.max(kColumnWidthMin, (width || window.innerWidth - 28) / Math.max(1, layout.columns.length));
  const positionOf = useMemo(
    () => new Map((positions?.touchpoints ?? []).map((position) => [position.touchpoint, position])),
    [positions],
  );
  const starts = useMemo(() => layout.phases.map((phase) => phase.start), [layout]);
  // Every item is a tab stop here: there is no second direction to move in.
  return (
    <div className={classes.stack} data-testid="board">
      <section aria-label="Experience" hidden={!hasEmotion(board.map.touchpoints)}>
        <h2 className={classes.phaseName} style={{ margin: 0 }}>
          Experience
        </h2>
        <div ref={ref} style={{ overflowX: 'auto' }} tabIndex={0} role="group" aria-label="Emotion curve">
          <EmotionCurve columns={layout.columns} persona={persona} columnWidth={columnWidth} rules={starts.slice(1)} />
        </div>
      </section>
      {layout.phases.map(({ phase, touchpoints, start }) => (
        <section key={phase.id} className={classes.stackPhase} aria-label={phase.displayName}>
          <h2 className={classes.phaseName} style={{ margin: 0 }}>
            {phase.displayName || phase.id}{' '}
            <span className={classes.phaseStage}>{board.stageLabel(phase.lifecycleStage)}</span>
          </h2>
          <div className={classes.stackCards}>
            {(metrics.get(`phase:${phase.id}`) ?? []).map((metric) => (
              <MetricChip
                key={metric.attachment.name}
                metric={metric}
                label={metricName(metric)}
                target={metricTarget(metric, board.touchpointLabel)}
                column={start}
                inTabOrder
                onOpen={onOpenMetric}
              />
            ))}
            {touchpoints.length === 0 && <div className={classes.emptyPhase}>No touchpoints in this phase yet</div>}
            {touchpoints.map((touchpoint, index) => (
              <Fragment key={touchpoint.id}>
                <TouchpointCard
                  touchpoint={touchpoint}
                  department={board.departments.look(touchpoint.department)}
                  position={positionOf.get(touchpoint.id)}
                  metrics={metrics.get(`touchpoint:${touchpoint.id}`) ?? []}
                  column={start + index}
                  inTabOrder
                  isOpen={openTouchpoint === touchpoint.id}
                  touchpointLabel={board.touchpointLabel}
                  onOpenTouchpoint={onOpenTouchpoint}
                  onOpenMetric={onOpenMetric}
                />
                {onwardMetrics(board, touchpoint.id).map(({ metric, transition }) => (
                  <div key={metric.attachment.name} className={classes.stackOnward}>
                    <MetricChip
                      metric={metric}
                      label={metricName(metric)}
                      target={transition.toTouchpoint ? board.touchpointLabel(transition.toTouchpoint) : 'out of the journey'}
                      column={start + index}
                      inTabOrder
                      onOpen={onOpenMetric}
                    />
                  </div>
                ))}
              </Fragment>
            ))}
          </div>
        </section>
      ))}
    </div>
  );
}
