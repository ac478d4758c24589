// A map in the list: what it is, the shape of its curve, and how its numbers stand.
import { Text, Title } from '@mantine/core';
import { useInViewport } from '@mantine/hooks';
import { IconCircleCheckFilled, IconCircleDashedCheck, IconCircleXFilled } from '../../icons';
import { curveMonotoneX, line } from 'd3-shape';
import { useMemo } from 'react';
import { Link } from 'react-router';
import { useMetricAttachments, useMetricDefinitions, useMetricValues } from '../../api/queries';
import type { JourneyMap } from '../../api/types';
import { Tag } from '../../components/Badges';
import { useClock, useNow } from '../../components/WorkspaceContext';
import { layOut } from '../../lib/board';
import { type EmotionPoint, emotionPoints, hasEmotion, personaWithMostLevels } from '../../lib/emotion';
import { formatCompact, formatCount, formatInterval, formatMetric, formatRelative } from '../../lib/format';
import { type Metric, compareWithTarget, healthOf, metricsBySubject, trendOf } from '../../lib/metrics';
import { humanize, lastSegment, mapPath } from '../../lib/names';
import metricClasses from '../metrics/Metric.module.css';
import { TrendGlyph, VerdictGlyph } from '../metrics/MetricChip';
import { metricLabel, metricSentence, unitOf } from '../metrics/describe';
import classes from './Maps.module.css';

const kShape = { width: 168, height: 62, pad: 7 };

function CurveShape({ map }: { map: JourneyMap }) {
  const points = useMemo(() => {
    const columns = layOut(map).columns.filter((touchpoint) => touchpoint !== null);
    return emotionPoints(columns, personaWithMostLevels(columns, map.personas ?? []));
  }, [map]);
  const step = (kShape.width - 2 * kShape.pad) / Math.max(1, points.length - 1);
  const x = (column: number) => (points.length === 1 ? kShape.width / 2 : kShape.pad + column * step);
  const y = (level: number) => kShape.pad + ((2 - level) / 4) * (kShape.height - 2 * kShape.pad);
  const path =
    line<EmotionPoint | null>()
      .defined((point) => point !== null)
      .x((point) => x(point?.column ?? 0))
      .y((point) => y(point?.level ?? 0))
      .curve(curveMonotoneX)(points) ?? '';
  return (
    <svg width={kShape.width} height={kShape.height} className={classes.shape} aria-hidden focusable="false">
      {hasEmotion(map.touchpoints) ? (
        <line
          x1="0"
          x2={kShape.width}
          y1={kShape.height / 2}
          y2={kShape.height / 2}
          stroke="var(--tl-line-strong)"
          strokeDasharray="2 4"
        />
      ) : (
        <text x={kShape.width / 2} y={kShape.height / 2 + 4} textAnchor="middle" fontSize="11.5" fill="var(--tl-muted)">
          No emotion stated yet
        </text>
      )}
      <path d={path} fill="none" stroke="var(--tl-active)" strokeWidth="2" strokeLinecap="round" />
      {points.length <= 24 &&
        points.map((point) => point && <circle key={point.column} cx={x(point.column)} cy={y(point.level)} r="2.4" fill="var(--tl-active)" />)}
    </svg>
  );
}

function MapNumber({ metric }: { metric: Metric }) {
  const { value, definition } = metric;
  const unit = unitOf(metric);
  const label = metricLabel(metric, (id) => id ?? '');
  const shown = (value?.state === 'OK' || value?.state === 'INSUFFICIENT_DATA') && value.value !== undefined;
  const few = value?.state === 'INSUFFICIENT_DATA';
  return (
    <div className={classes.number} role="img" aria-label={metricSentence(metric, label)}>
      <span className={classes.numberLabel}>
        <VerdictGlyph verdict={compareWithTarget(value, definition)} size={12} />
        <span className={classes.numberText}>{label}</span>
      </span>
      {shown ? (
        <span className={`${classes.numberValue} tl-number`}>
          {formatMetric(value.value ?? 0, unit)} <TrendGlyph trend={trendOf(value, definition)} />
        </span>
      ) : value && value.state !== 'PENDING' ? (
        <span className={classes.numberValue}>–</span>
      ) : (
        <span className={metricClasses.pending} />
      )}
      <span className={`${classes.numberFoot} tl-number`}>
        {shown
          ? few
            ? `only n ${formatCompact(value.n)}`
            : (formatInterval(value.intervalLow, value.intervalHigh, unit) ?? '')
          : (value?.undefinedReason ?? '')}
      </span>
    </div>
  );
}

function HealthLine({ metrics, attachmentCount, isPublished }: { metrics: ReturnType<typeof healthOf> | undefined; attachmentCount: number; isPublished: boolean }) {
  if (!isPublished) return <span className={classes.healthText}>Not measured until published</span>;
  if (!metrics) return null;
  if (attachmentCount === 0) return <span className={classes.healthText}>No metrics attached</span>;
  const parts = [
    { count: metrics.met, word: 'on target', Icon: IconCircleCheckFilled, color: 'var(--tl-good)' },
    { count: metrics.unclear, word: 'too close to tell', Icon: IconCircleDashedCheck, color: 'var(--tl-warn)' },
    { count: metrics.missed, word: 'off target', Icon: IconCircleXFilled, color: 'var(--tl-bad)' },
  ].filter((part) => part.count > 0);
  return (
    <>
      {parts.map(({ count, word, Icon, color }) => (
        <span key={word} className={`${classes.healthItem} tl-number`}>
          <Icon size={15} color={color} aria-hidden /> {count} {word}
        </span>
      ))}
      {parts.length === 0 && <span className={classes.healthText}>{attachmentCount} metrics, no targets</span>}
      {metrics.few > 0 && <span className={classes.healthText}>{metrics.few} with too few answers</span>}
      {metrics.noNumber > 0 && <span className={classes.healthText}>{metrics.noNumber} without a number</span>}
    </>
  );
}

export function MapRow({ map, workspace }: { map: JourneyMap; workspace: string }) {
  const { ref, inViewport } = useInViewport<HTMLLIElement>();
  const attachments = useMetricAttachments(map.name).data;
  // Only rows in sight ask for their numbers again and again.
  const values = useMetricValues(map.name, inViewport && Boolean(map.publishedVersion)).data;
  const definitions = useMetricDefinitions(workspace).data;
  const clock = useClock(workspace);
  const now = useNow();
  const ready = attachments && values && definitions;
  const headline = useMemo(
    () => (ready ? (metricsBySubject(attachments, values, definitions).get('map') ?? []).slice(0, 3) : []),
    [ready, attachments, values, definitions],
  );
  const health = useMemo(() => (ready ? healthOf(values, definitions) : undefined), [ready, values, definitions]);
  const version = lastSegment(map.publishedVersion);
  return (
    <li ref={ref} className={classes.row}>
      <CurveShape map={map} />
      <div className={classes.text}>
        <div className={classes.titleRow}>
          <Title order={2} className={classes.title}>
            <Link to={mapPath(map.name)} className={classes.link}>
              {map.displayName || lastSegment(map.name)}
            </Link>
          </Title>
          <Tag>{map.state === 'FUTURE' ? 'To be' : 'As is'}</Tag>
          <Tag>{humanize(map.kind && map.kind !== 'KIND_UNSPECIFIED' ? map.kind : 'MACRO')}</Tag>
        </div>
        {map.description && (
          <Text size="sm" c="dimmed" lineClamp={1}>
            {map.description}
          </Text>
        )}
        <div className={`${classes.meta} tl-number`}>
          <span>{version ? `Version ${version}` : 'Not published'}</span>
          <span>{formatCount(map.touchpoints?.length)} touchpoints</span>
          <span title={clock.dateTime(map.updateTime)}>Changed {formatRelative(map.updateTime, now)}</span>
        </div>
        <div className={classes.health}>
          <HealthLine metrics={health} attachmentCount={attachments?.length ?? 0} isPublished={Boolean(version)} />
        </div>
      </div>
      <div className={classes.numbers}>
        {headline.map((metric) => (
          <MapNumber key={metric.attachment.name} metric={metric} />
        ))}
      </div>
    </li>
  );
}
