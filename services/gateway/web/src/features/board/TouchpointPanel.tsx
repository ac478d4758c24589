// A touchpoint in full, for the drawer.
import { Anchor, Code, Stack, Table, Text, Title } from '@mantine/core';
import { Link } from 'react-router';
import type { Touchpoint } from '../../api/types';
import { type Flow, hereNow } from '../../lib/board';
import { emotionWord, formatLevel } from '../../lib/emotion';
import { formatCount, formatDuration, formatInterval, formatShare, parseDuration, toCount } from '../../lib/format';
import { humanize, lastSegment, mapPath } from '../../lib/names';
import { MetricChip } from '../metrics/MetricChip';
import { Facts } from '../metrics/MetricPanel';
import { metricName, metricTarget } from '../metrics/describe';
import classes from './Board.module.css';
import { StatusBar, kStatuses } from './StatusBar';
import type { Board } from './useBoard';

function Texts({ title, texts }: { title: string; texts: string[] | undefined }) {
  if (!texts?.length) return null;
  return (
    <section>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <ul className={classes.list}>
        {texts.map((text, index) => (
          <li key={index}>
            {/^https?:\/\//.test(text) ? (
              <Anchor href={text} target="_blank" rel="noreferrer" size="sm">
                {text}
              </Anchor>
            ) : (
              text
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Standing({ board, touchpoint }: { board: Board; touchpoint: Touchpoint }) {
  const position = board.positions?.touchpoints?.find((entry) => entry.touchpoint === touchpoint.id);
  if (!position) {
    return (
      <Text size="sm" c="dimmed">
        {board.map.publishedVersion
          ? 'The published version does not have this touchpoint.'
          : 'Nothing is counted until the map is published.'}
      </Text>
    );
  }
  const here = hereNow(position);
  return (
    <Stack gap="sm">
      <div className={`${classes.counts} tl-number`}>
        {(
          [
            ['Visits', toCount(position.visitCount)],
            ['Runs that came', toCount(position.instanceCount)],
            ['Here now', here.total],
          ] as const
        ).map(([label, count]) => (
          <div key={label} className={classes.count}>
            <div className={classes.countNumber}>{formatCount(count)}</div>
            <div className={classes.countLabel}>{label}</div>
          </div>
        ))}
      </div>
      <div className={classes.barRow}>
        <StatusBar counts={here} />
      </div>
      <div className={`${classes.statusLegend} tl-number`} style={{ fontSize: 12.5 }}>
        {kStatuses.map(({ key, label, color }) => (
          <span key={key} className={classes.statusKey}>
            <span className={classes.statusDot} style={{ background: color }} aria-hidden />
            {formatCount(here[key])} {label}
          </span>
        ))}
      </div>
    </Stack>
  );
}

// The drawer lists the ways that matter and says how many more there are.
const kWaysMax = 8;

function Ways({ title, flows, other, board }: { title: string; flows: Flow[]; other: 'from' | 'to'; board: Board }) {
  const shown = flows.slice(0, kWaysMax);
  if (shown.length === 0) return null;
  return (
    <section>
      <Title order={3} mb={4}>
        {title}
      </Title>
      <Table fz={12.5} verticalSpacing={5} horizontalSpacing={6} className="tl-number">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{other === 'to' ? 'To' : 'From'}</Table.Th>
            <Table.Th ta="right">Count</Table.Th>
            <Table.Th ta="right">Share</Table.Th>
            <Table.Th ta="right">Expected</Table.Th>
            <Table.Th ta="right">Median time</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {shown.map((flow) => {
            const expectedTime = parseDuration(flow.transition?.expectedDuration);
            return (
              <Table.Tr key={flow[other]}>
                <Table.Td>{board.touchpointLabel(flow[other])}</Table.Td>
                <Table.Td ta="right">{formatCount(flow.count)}</Table.Td>
                <Table.Td ta="right" title={formatInterval(flow.low, flow.high, 'share', 'full')}>
                  {flow.share === undefined ? '–' : formatShare(flow.share)}
                </Table.Td>
                <Table.Td ta="right">
                  {flow.transition?.expectedShare === undefined ? '–' : formatShare(flow.transition.expectedShare, 0)}
                </Table.Td>
                <Table.Td ta="right">
                  {flow.medianSeconds === undefined || flow.count === 0 ? '–' : formatDuration(flow.medianSeconds)}
                  {expectedTime !== undefined && (
                    <Text span size="xs" c="dimmed" display="block">
                      exp. {formatDuration(expectedTime)}
                    </Text>
                  )}
                </Table.Td>
              </Table.Tr>
            );
          })}
        </Table.Tbody>
      </Table>
      <Text size="xs" c="dimmed" mt={4}>
        Share of the runs at the touchpoint left that go on this way; times are between directly following visits.
        {flows.length > shown.length ? ` ${flows.length - shown.length} rarer ways are not listed.` : ''}
      </Text>
    </section>
  );
}

function Experience({ board, touchpoint }: { board: Board; touchpoint: Touchpoint }) {
  const emotions = touchpoint.emotions ?? [];
  const personaLabel = (name: string | undefined) =>
    name ? (board.personas.find((persona) => persona.name === name)?.displayName ?? humanize(lastSegment(name))) : 'Everyone';
  return (
    <section>
      <Title order={3} mb={4}>
        Experience
      </Title>
      <Facts
        rows={[
          ...emotions.map((emotion): [string, string] => [
            personaLabel(emotion.persona),
            `${emotionWord(emotion.level ?? 0)} (${formatLevel(emotion.level ?? 0)}), ${emotion.origin === 'MEASURED' ? 'measured' : 'assumed'}`,
          ]),
          ['Importance', touchpoint.importance ? `${touchpoint.importance} of 7` : 'Not stated'],
          ['Expected level', touchpoint.expectedLevel ? `${touchpoint.expectedLevel} of 7` : 'Not stated'],
        ]}
      />
    </section>
  );
}

function Binding({ touchpoint }: { touchpoint: Touchpoint }) {
  const { eventNames = [], filter = '' } = touchpoint.eventBinding ?? {};
  const bound = eventNames.length > 0 || filter !== '';
  return (
    <section>
      <Title order={3} mb={4}>
        Which events are this touchpoint
      </Title>
      {bound ? (
        <Facts
          rows={[
            ['Event names', eventNames.length > 0 ? eventNames.map((name) => <Code key={name} className={classes.code}>{name}</Code>) : 'Any'],
            ['And', filter ? <Code>{filter}</Code> : undefined],
            ['Completes', touchpoint.completesJourney ? 'A visit here completes the journey.' : undefined],
          ]}
        />
      ) : (
        <Text size="sm" c="dimmed">
          None: this touchpoint is drawn but not measured.
        </Text>
      )}
    </section>
  );
}

interface TouchpointPanelProps {
  board: Board;
  touchpoint: Touchpoint;
  onOpenMetric: (attachment: string) => void;
}

export function TouchpointPanel({ board, touchpoint, onOpenMetric }: TouchpointPanelProps) {
  const metrics = board.metrics.get(`touchpoint:${touchpoint.id}`) ?? [];
  return (
    <Stack gap="lg">
      {touchpoint.description && <Text size="sm">{touchpoint.description}</Text>}
      <section data-testid="standing">
        <Title order={3} mb={8}>
          Where people stand now
        </Title>
        <Standing board={board} touchpoint={touchpoint} />
      </section>
      {metrics.length > 0 && (
        <section>
          <Title order={3} mb={8}>
            Numbers
          </Title>
          <Stack gap={6}>
            {metrics.map((metric) => (
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
          </Stack>
        </section>
      )}
      <Ways title="Where they go next" other="to" flows={board.flows.filter((flow) => flow.from === touchpoint.id)} board={board} />
      <Ways title="Where they come from" other="from" flows={board.flows.filter((flow) => flow.to === touchpoint.id)} board={board} />
      <Experience board={board} touchpoint={touchpoint} />
      <Texts title="What hurts" texts={touchpoint.painPoints} />
      <Texts title="What delights" texts={touchpoint.gains} />
      <Texts title="What we promise" texts={touchpoint.standards} />
      <Binding touchpoint={touchpoint} />
      <Texts title="Behind the curtain" texts={touchpoint.backstageSystems} />
      <Texts title="Evidence" texts={touchpoint.evidence} />
      {touchpoint.linkedMap && (
        <Anchor component={Link} to={mapPath(touchpoint.linkedMap)} size="sm">
          Open the map that draws this touchpoint in detail
        </Anchor>
      )}
    </Stack>
  );
}
