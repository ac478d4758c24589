// A touchpoint on the board: channel, owner, name, who stands here, and its metrics.
import { UnstyledButton } from '@mantine/core';
import { memo } from 'react';
import type { Touchpoint, TouchpointPosition } from '../../api/types';
import { DepartmentLabel, departmentStyle } from '../../components/Badges';
import { ChannelIcon } from '../../components/ChannelIcon';
import type { DepartmentLook } from '../../components/WorkspaceContext';
import { hereNow } from '../../lib/board';
import { formatCompact, formatCount } from '../../lib/format';
import type { Metric } from '../../lib/metrics';
import { humanize } from '../../lib/names';
import { MetricChip } from '../metrics/MetricChip';
import { type TouchpointLabel, metricName, metricTarget } from '../metrics/describe';
import classes from './Board.module.css';

interface TouchpointCardProps {
  touchpoint: Touchpoint;
  department: DepartmentLook | undefined;
  position: TouchpointPosition | undefined;
  metrics: Metric[];
  column: number;
  // Whether Tab stops here; on the board it does not, arrow keys move there.
  inTabOrder?: boolean;
  isOpen: boolean;
  touchpointLabel: TouchpointLabel;
  onOpenTouchpoint: (id: string) => void;
  onOpenMetric: (attachment: string) => void;
}

function Runs({ touchpoint, position }: { touchpoint: Touchpoint; position: TouchpointPosition | undefined }) {
  if (!touchpoint.eventBinding?.eventNames?.length && !touchpoint.eventBinding?.filter) {
    return <div className={classes.cardRuns}>Not bound to events</div>;
  }
  if (!position) return <div className={classes.cardRuns} />;
  const here = hereNow(position);
  return (
    <div className={`${classes.cardRuns} tl-number`}>
      <span title={`${formatCount(position.instanceCount)} runs came here`}>
        {formatCompact(position.instanceCount)} runs
      </span>
      <span title={`${formatCount(here.total)} runs stand here now`}>{formatCompact(here.total)} here now</span>
    </div>
  );
}

export const TouchpointCard = memo(function TouchpointCard(props: TouchpointCardProps) {
  const { touchpoint, department, position, metrics, column } = props;
  const name = touchpoint.displayName || touchpoint.id;
  return (
    <article
      className={classes.card}
      style={departmentStyle(department)}
      data-open={props.isOpen}
      data-touchpoint={touchpoint.id}
      aria-label={name}
    >
      <div className={classes.cardTop}>
        <span className={classes.channel}>
          <ChannelIcon channel={touchpoint.channel} />
          {touchpoint.channel ? humanize(touchpoint.channel) : 'No channel'}
        </span>
        <DepartmentLabel look={department} />
      </div>
      <UnstyledButton
        className={classes.cardTitle}
        onClick={() => props.onOpenTouchpoint(touchpoint.id)}
        data-board-item={props.inTabOrder ? undefined : ''}
        data-column={column}
        tabIndex={props.inTabOrder ? 0 : -1}
        aria-haspopup="dialog"
      >
        {name}
      </UnstyledButton>
      <Runs touchpoint={touchpoint} position={position} />
      {metrics.length > 0 && (
        <div className={classes.cardMetrics}>
          {metrics.map((metric) => (
            <MetricChip
              key={metric.attachment.name}
              metric={metric}
              label={metricName(metric)}
              target={metricTarget(metric, props.touchpointLabel)}
              column={column}
              inTabOrder={props.inTabOrder}
              onOpen={props.onOpenMetric}
            />
          ))}
        </div>
      )}
    </article>
  );
}, sameCard);

// Joined anew on every refresh, so the metrics are compared one by one.
function sameCard(before: TouchpointCardProps, after: TouchpointCardProps): boolean {
  const { metrics: metricsBefore, ...restBefore } = before;
  const { metrics: metricsAfter, ...restAfter } = after;
  return (
    metricsBefore.length === metricsAfter.length &&
    metricsBefore.every((metric, index) => {
      const other = metricsAfter[index];
      return (
        metric.value === other?.value &&
        metric.definition === other?.definition &&
        metric.attachment === other?.attachment
      );
    }) &&
    (Object.keys(restAfter) as (keyof typeof restAfter)[]).every((key) => restBefore[key] === restAfter[key])
  );
}
