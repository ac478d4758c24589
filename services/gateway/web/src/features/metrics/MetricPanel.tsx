// A metric in full, for the drawer: the number, its trend, and all that is needed to judge it and to make it again.
import { Anchor, Button, Code, Collapse, Stack, Table, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { type ReactNode, Suspense, lazy } from 'react';
import type { MetricDefinition, TimeInterval, TrendPoint } from '../../api/types';
import { Tag, type Tone } from '../../components/Badges';
import { type Clock, formatCount, formatDuration, formatInterval, formatMetric, formatRelative, parseDuration } from '../../lib/format';
import { type Metric, compareWithTarget, isDrawn, isUnfinished, trendOf } from '../../lib/metrics';
import { humanize, lastSegment } from '../../lib/names';
import { IntervalStrip } from './IntervalStrip';
import classes from './Metric.module.css';
import { TrendGlyph, VerdictGlyph } from './MetricChip';
import { confidencePercent, detailRows, kVerdictWords, leftOutWords, unitOf } from './describe';

// The chart library is as large as the rest of the app, and only the drawer needs it.
const TrendChart = lazy(async () => ({ default: (await import('./TrendChart')).TrendChart }));

const kKindWords: Record<string, string> = {
  NPS: 'Net Promoter Score: share of 9–10 minus share of 0–6, times 100',
  CSAT: 'Customer satisfaction: share of the top two boxes',
  CES: 'Customer effort score',
  VOLUME: 'Number of visits',
  CONVERSION: 'Share of the runs that go on to the target',
  DROP_OFF: 'Share of the runs that do not go on to the target',
  TIME_BETWEEN: 'Median time to the target',
};

export function Facts({ rows }: { rows: [string, ReactNode][] }) {
  return (
    <dl className={classes.facts}>
      {rows
        .filter(([, content]) => content !== undefined && content !== null && content !== '')
        .map(([term, content]) => [<dt key={`${term}-term`}>{term}</dt>, <dd key={term}>{content}</dd>])}
    </dl>
  );
}

const pointWindow = (point: TrendPoint, clock: Clock): string =>
  `${clock.date(point.window?.startTime)} – ${clock.date(point.window?.endTime)}`;

function windowWords(window: TimeInterval | undefined, rolling: string | undefined, clock: Clock): string {
  const seconds = parseDuration(rolling);
  const prefix = seconds === undefined ? '' : `Last ${formatDuration(seconds)}: `;
  const start = window?.startTime ? clock.dateTime(window.startTime) : 'first event';
  const end = window?.endTime ? clock.dateTime(window.endTime) : 'now';
  return `${prefix}${start} – ${end}`;
}

function Headline({ metric }: { metric: Metric }) {
  const { value, definition } = metric;
  const unit = unitOf(metric);
  if (!value || value.state === 'PENDING') {
    return <Text c="dimmed">Not computed yet. It appears here by itself, usually within seconds.</Text>;
  }
  if (value.state === 'UNDEFINED' || value.value === undefined) {
    return (
      <>
        <div className={classes.headline}>
          <span className={classes.big}>–</span>
          <Tag>Undefined</Tag>
        </div>
        <Text size="sm">{value.undefinedReason || 'There is no number.'}</Text>
      </>
    );
  }
  const interval = formatInterval(value.intervalLow, value.intervalHigh, unit, 'full');
  return (
    <>
      <div className={classes.headline}>
        <span className={`${classes.big} tl-number`}>{formatMetric(value.value, unit, 'full')}</span>
        <Text c="dimmed" className="tl-number">
          {[interval && `${confidencePercent(metric)} interval ${interval}`, unit !== 'visits' && `n ${formatCount(value.n)}`]
            .filter(Boolean)
            .join(' · ')}
        </Text>
      </div>
      <Tags metric={metric} />
      {definition && <IntervalStrip metric={metric} />}
    </>
  );
}

function Tags({ metric }: { metric: Metric }) {
  const { value, definition } = metric;
  const verdict = compareWithTarget(value, definition);
  const trend = trendOf(value, definition);
  const verdictTone: Record<string, Tone> = { met: 'good', unclear: 'warn', missed: 'bad' };
  const trendTone: Record<string, Tone> = { better: 'good', worse: 'bad', neutral: 'plain', steady: 'plain' };
  return (
    <div className={classes.tags}>
      {value?.state === 'INSUFFICIENT_DATA' && (
        <Tag tone="warn">Too few to rely on: fewer than {formatCount(definition?.minN || 30)}</Tag>
      )}
      {verdict && (
        <Tag tone={verdictTone[verdict]} icon={<VerdictGlyph verdict={verdict} />}>
          {humanize(kVerdictWords[verdict])}
        </Tag>
      )}
      {trend && (
        <Tag tone={trendTone[trend.meaning]} icon={<TrendGlyph trend={trend} />}>
          {trend.direction === 'steady'
            ? 'No clear change since the interval before'
            : `${humanize(trend.direction)} since the interval before${trend.meaning === 'neutral' ? '' : `: ${trend.meaning}`}`}
        </Tag>
      )}
    </div>
  );
}

function TrendSection({ metric, clock }: { metric: Metric; clock: Clock }) {
  const [table, { toggle }] = useDisclosure(false);
  const points = metric.value?.trend ?? [];
  const unit = unitOf(metric);
  if (points.filter(isDrawn).length < 2) return null;
  return (
    <section>
      <Title order={3} mb={4}>
        Trend
      </Title>
      <Suspense fallback={<div className={classes.chart} />}>
        <TrendChart points={points} unfinished={isUnfinished(points.at(-1), metric.value)} unit={unit} target={metric.definition?.target} clock={clock} />
      </Suspense>
      {isUnfinished(points.at(-1), metric.value) && (
        <Text size="xs" c="dimmed" mb={4}>
          The last interval is not over yet: its number is the one so far.
        </Text>
      )}
      <Button variant="subtle" size="compact-xs" color="gray" ml={-8} onClick={toggle} aria-expanded={table}>
        {table ? 'Hide the numbers' : 'Show the numbers'}
      </Button>
      <Collapse expanded={table}>
        <Table fz={12} verticalSpacing={4} className="tl-number">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Interval of time</Table.Th>
              <Table.Th>Value</Table.Th>
              <Table.Th>{confidencePercent(metric)} interval</Table.Th>
              <Table.Th>n</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {points.map((point, index) => (
              <Table.Tr key={point.window?.startTime ?? index}>
                <Table.Td>
                  {pointWindow(point, clock)}
                  {isUnfinished(point, metric.value) && <span className={classes.muted}>, so far</span>}
                </Table.Td>
                <Table.Td>{isDrawn(point) && point.value !== undefined ? formatMetric(point.value, unit) : '–'}</Table.Td>
                <Table.Td>{formatInterval(point.intervalLow, point.intervalHigh, unit) ?? '–'}</Table.Td>
                <Table.Td>{formatCount(point.n)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Collapse>
    </section>
  );
}

function methodWords(definition: MetricDefinition | undefined): string | undefined {
  const policy = { FIRST: 'each customer’s first answer', LATEST: 'each customer’s latest answer' }[
    definition?.respondentPolicy as 'FIRST' | 'LATEST'
  ];
  return policy ?? 'every answer';
}

const kSurveyKinds = new Set(['NPS', 'CSAT', 'CES']);

interface MetricPanelProps {
  metric: Metric;
  subject: ReactNode;
  clock: Clock;
  now: number;
}

export function MetricPanel({ metric, subject, clock, now }: MetricPanelProps) {
  const { value, definition, attachment } = metric;
    const excluded = Object.entries(value?.excluded ?? {});
  const details = detailRows(value?.details ?? {}, unitOf(metric));
  return (
    <Stack gap="lg">
      <Stack gap="sm" data-testid="metric-headline">
        <Headline metric={metric} />
      </Stack>
      <TrendSection metric={metric} clock={clock} />
      {details.length > 0 && (
        <section>
          <Title order={3} mb={4}>
            Beside it
          </Title>
          <Facts rows={details.map(([words, number]) => [words, <span className="tl-number">{number}</span>])} />
        </section>
      )}
      <section>
        <Title order={3} mb={4}>
          Left out, or counted apart
        </Title>
        {excluded.length === 0 ? (
          <Text size="sm" c="dimmed">
            Nothing was left out.
          </Text>
        ) : (
          <Facts rows={excluded.map(([reason, count]) => [leftOutWords(reason), <span className="tl-number">{formatCount(count)}</span>])} />
        )}
      </section>
      <section data-testid="provenance">
        <Title order={3} mb={4}>
          Where the number comes from
        </Title>
        <Facts
          rows={[
            ['What', kKindWords[definition?.kind ?? '']],
            ['Of', subject],
            ['Only events with', attachment.filter ? <Code>{attachment.filter}</Code> : undefined],
            ['Answers', kSurveyKinds.has(definition?.kind ?? '') ? methodWords(definition) : undefined],
            ['Method', value?.method],
            ['Window', value ? windowWords(value.window, attachment.rollingWindow, clock) : undefined],
            ['Must follow within', attachment.conversionWindow ? formatDuration(parseDuration(attachment.conversionWindow) ?? 0) : undefined],
            ['n', value ? <span className="tl-number">{formatCount(value.n)} (at least {formatCount(definition?.minN || 30)})</span> : undefined],
            ['Definition', definition ? `${lastSegment(definition.name)}, version ${value?.definitionVersion ?? definition.version ?? '?'}` : undefined],
            ['Map version', value?.journeyMapVersion ? lastSegment(value.journeyMapVersion) : undefined],
            ['Data up to event', value?.dataWatermark ? <span className="tl-number">{formatCount(value.dataWatermark)}</span> : undefined],
            ['Computed', value?.computeTime ? `${clock.dateTime(value.computeTime)} (${formatRelative(value.computeTime, now)})` : undefined],
            ['Resource', <Anchor key="r" href={`/v1/${attachment.name}/value`} target="_blank" rel="noreferrer" size="xs" ff="monospace">{attachment.name}/value</Anchor>],
          ]}
        />
      </section>
    </Stack>
  );
}
