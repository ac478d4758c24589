// The drawer beside the board: a touchpoint or a metric, by the page's address.
import { Anchor, Drawer, Text } from '@mantine/core';
import { IconArrowLeft } from '../../icons';
import type { ReactNode } from 'react';
import type { Touchpoint } from '../../api/types';
import { DepartmentLabel } from '../../components/Badges';
import { ChannelIcon } from '../../components/ChannelIcon';
import type { Metric } from '../../lib/metrics';
import { humanize, lastSegment } from '../../lib/names';
import { MetricPanel } from '../metrics/MetricPanel';
import { metricLabel } from '../metrics/describe';
import classes from './Board.module.css';
import { TouchpointPanel } from './TouchpointPanel';
import type { Board } from './useBoard';

interface BoardDrawerProps {
  board: Board;
  touchpointId: string | null;
  metricId: string | null;
  onClose: () => void;
  onOpenTouchpoint: (id: string) => void;
  onOpenMetric: (attachment: string) => void;
}

export function findMetric(board: Board, id: string | null): Metric | undefined {
  if (!id) return undefined;
  for (const metrics of board.metrics.values()) {
    const metric = metrics.find((entry) => lastSegment(entry.attachment.name) === id);
    if (metric) return metric;
  }
  return undefined;
}

function TouchpointHeading({ board, touchpoint }: { board: Board; touchpoint: Touchpoint }) {
  const phase = board.map.phases?.find((entry) => entry.id === touchpoint.phase);
  return (
    <div className={classes.drawerTitle}>
      <span>{touchpoint.displayName || touchpoint.id}</span>
      <span className={classes.drawerMeta}>
        <span className={classes.channel}>
          <ChannelIcon channel={touchpoint.channel} />
          {touchpoint.channel ? humanize(touchpoint.channel) : 'No channel'}
        </span>
        <DepartmentLabel look={board.departments.look(touchpoint.department)} />
        {phase && <span>{phase.displayName || phase.id}</span>}
      </span>
    </div>
  );
}

function subjectWords(board: Board, metric: Metric, onOpenTouchpoint: (id: string) => void): ReactNode {
  const { attachment } = metric;
  const label = board.touchpointLabel;
  if (attachment.touchpoint) {
    const id = attachment.touchpoint;
    return (
      <>
        <Anchor component="button" type="button" size="sm" ta="left" onClick={() => onOpenTouchpoint(id)}>
          {label(id)}
        </Anchor>
        {attachment.targetTouchpoint ? ` → ${label(attachment.targetTouchpoint)}` : ''}
      </>
    );
  }
  if (attachment.phase) {
    const phase = board.map.phases?.find((entry) => entry.id === attachment.phase);
    return `Phase ${phase?.displayName || attachment.phase}`;
  }
  if (attachment.transition) {
    const transition = board.map.transitions?.find((entry) => entry.id === attachment.transition);
    if (!transition) return `Transition ${attachment.transition}`;
    return `${label(transition.fromTouchpoint)} → ${transition.toTouchpoint ? label(transition.toTouchpoint) : 'out of the journey'}`;
  }
  return 'The whole map';
}

function MetricHeading({ board, metric, onBack }: { board: Board; metric: Metric; onBack: ((id: string) => void) | undefined }) {
  const touchpoint = metric.attachment.touchpoint;
  return (
    <div className={classes.drawerTitle}>
      <span>{metricLabel(metric, board.touchpointLabel)}</span>
      {touchpoint && onBack && (
        <span className={classes.drawerMeta}>
          <Anchor component="button" type="button" size="xs" c="dimmed" onClick={() => onBack(touchpoint)}>
            <IconArrowLeft size={12} aria-hidden style={{ verticalAlign: '-1px' }} /> {board.touchpointLabel(touchpoint)}
          </Anchor>
        </span>
      )}
    </div>
  );
}

export function BoardDrawer(props: BoardDrawerProps) {
  const { board, onClose, onOpenTouchpoint, onOpenMetric } = props;
  const touchpoint = board.map.touchpoints?.find((entry) => entry.id === props.touchpointId);
  const metric = findMetric(board, props.metricId);
  const title = metric ? (
    <MetricHeading board={board} metric={metric} onBack={onOpenTouchpoint} />
  ) : touchpoint ? (
    <TouchpointHeading board={board} touchpoint={touchpoint} />
  ) : (
    'Not on this map'
  );
  // A link may be older than the map.
  const isMissing = Boolean(props.touchpointId && !touchpoint) || Boolean(props.metricId && !metric);
  return (
    <Drawer.Root
      opened={Boolean(metric || touchpoint) || isMissing}
      onClose={onClose}
      position="right"
      size={520}
      padding="lg"
      lockScroll={false}
      transitionProps={{ duration: 160 }}
      styles={{ title: { fontSize: 18, fontWeight: 650, lineHeight: 1.3 }, header: { alignItems: 'flex-start' } }}
    >
      <Drawer.Overlay backgroundOpacity={0.18} />
      <Drawer.Content>
        <Drawer.Header role="none">
          <Drawer.Title>{title}</Drawer.Title>
          <Drawer.CloseButton aria-label="Close" />
        </Drawer.Header>
        <Drawer.Body>
          {metric ? (
            <MetricPanel
              key={metric.attachment.name}
              metric={metric}
              subject={subjectWords(board, metric, onOpenTouchpoint)}
              clock={board.clock}
              now={board.now}
            />
          ) : touchpoint ? (
            <TouchpointPanel key={touchpoint.id} board={board} touchpoint={touchpoint} onOpenMetric={onOpenMetric} />
          ) : isMissing ? (
            <Text size="sm" c="dimmed">
              {props.touchpointId
                ? `The map has no touchpoint ${props.touchpointId}. It was renamed or taken off the map.`
                : `The map has no metric ${props.metricId}. It was detached.`}
            </Text>
          ) : null}
        </Drawer.Body>
      </Drawer.Content>
    </Drawer.Root>
  );
}
