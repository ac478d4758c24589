// Above the board: what the map is, what is published, its own numbers, and where its runs stand.
import { Select, Title } from '@mantine/core';
import { Link } from 'react-router';
import { Tag } from '../../components/Badges';
import { hereNow } from '../../lib/board';
import { hasEmotion } from '../../lib/emotion';
import { formatCompact, formatCount, formatRelative } from '../../lib/format';
import { humanize, lastSegment, mapsPath } from '../../lib/names';
import { MetricChip } from '../metrics/MetricChip';
import { metricName, metricTarget } from '../metrics/describe';
import classes from './Board.module.css';
import { StatusBar, kStatuses } from './StatusBar';
import type { Board } from './useBoard';

interface BoardHeaderProps {
  board: Board;
  workspaceId: string;
  persona: string;
  onPersona: (persona: string) => void;
  onOpenMetric: (attachment: string) => void;
}

const kEveryone = 'everyone';

export function BoardHead({ board, workspaceId, onOpenMetric }: BoardHeaderProps) {
  const { map, metrics, clock, now } = board;
  const version = lastSegment(map.publishedVersion);
  return (
    <div className={classes.head}>
      <div className={classes.headText}>
        <div className={classes.titleRow}>
          <Link to={mapsPath(workspaceId)} className={classes.crumb}>
            Journey maps
          </Link>
          <Tag>{map.state === 'FUTURE' ? 'To be' : 'As is'}</Tag>
          <Tag>{humanize(map.kind && map.kind !== 'KIND_UNSPECIFIED' ? map.kind : 'MACRO')}</Tag>
        </div>
        <Title order={1} mt={4}>
          {map.displayName || lastSegment(map.name)}
        </Title>
        <div className={classes.meta}>
          {version ? (
            <span title={clock.dateTime(map.publishTime)}>
              Version {version}, published {formatRelative(map.publishTime, now)}
            </span>
          ) : (
            <span>Not published</span>
          )}
          {board.hasUnpublishedChanges && <Tag tone="warn">Changed since; numbers are of version {version}</Tag>}
          <span>
            {formatCount(map.touchpoints?.length)} touchpoints in {formatCount(map.phases?.length)} phases
          </span>
          <span title={clock.dateTime(map.updateTime)}>Edited {formatRelative(map.updateTime, now)}</span>
        </div>
      </div>
      {(metrics.get('map') ?? []).length > 0 && (
        <div className={classes.headMetrics} role="group" aria-label="Numbers of the whole map">
          {(metrics.get('map') ?? []).map((metric) => (
            <MetricChip
              key={metric.attachment.name}
              metric={metric}
              label={metricName(metric)}
              target={metricTarget(metric, board.touchpointLabel)}
              column={0}
              inTabOrder
              onOpen={onOpenMetric}
            />
          ))}
        </div>
      )}
    </div>
  );
}

function Runs({ board }: { board: Board }) {
  const { positions } = board;
  if (!positions) return null;
  const counts = hereNow({ positionCounts: positions.statusCounts });
  return (
    <div className={classes.runs} data-testid="runs">
      <strong className="tl-number" style={{ color: 'var(--tl-text)' }}>
        {formatCount(positions.instanceCount)} runs
      </strong>
      <span className={classes.statusBar}>
        <StatusBar counts={counts} />
      </span>
      <span className={`${classes.statusLegend} tl-number`}>
        {kStatuses.map(({ key, label, color }) => (
          <span key={key} className={classes.statusKey}>
            <span className={classes.statusDot} style={{ background: color }} aria-hidden />
            {formatCompact(counts[key])} {label}
          </span>
        ))}
      </span>
    </div>
  );
}

export function BoardToolbar({ board, persona, onPersona }: BoardHeaderProps) {
  return (
    <div className={classes.toolbar}>
      <Runs board={board} />
      <span className={classes.toolbarSpacer} />
      {hasEmotion(board.map.touchpoints) && (
        <span className={classes.persona}>
          <span aria-hidden>Emotion of</span>
          <Select
            aria-label="Persona of the emotion curve"
            size="xs"
            w={250}
            allowDeselect={false}
            value={persona || kEveryone}
            onChange={(value) => onPersona(value === kEveryone || value === null ? '' : value)}
            data={[
              { value: kEveryone, label: 'Everyone' },
              ...board.personas.map((entry) => ({
                value: entry.name,
                label: entry.displayName || humanize(lastSegment(entry.name)),
              })),
            ]}
          />
        </span>
      )}
    </div>
  );
}
