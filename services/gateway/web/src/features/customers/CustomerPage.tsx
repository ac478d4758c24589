// One customer across all departments.
import { Button, Select, Skeleton, Stack, Text, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconFilterOff } from '../../icons';
import { useMemo, useState } from 'react';
import { Link, useParams } from 'react-router';
import { kTimelinePageSize, useCustomer, useTimeline } from '../../api/queries';
import type { Customer, LifecycleStage } from '../../api/types';
import { departmentStyle } from '../../components/Badges';
import { EmptyState, ErrorState } from '../../components/States';
import { type DepartmentBook, useClock, useDepartmentBook, useNow, useStageBook } from '../../components/WorkspaceContext';
import { useParameter } from '../../components/useParameter';
import { formatCount, formatRelative, toCount } from '../../lib/format';
import { customerName, customersPath, lastSegment, quoted, workspaceName } from '../../lib/names';
import { pageTitle } from '../../lib/title';
import classes from './Customers.module.css';
import { Line } from './Line';
import { LineOverview } from './LineOverview';
import { Runs } from './Runs';

function Ladder({ customer, stages, departments, label }: { customer: Customer; stages: LifecycleStage[]; departments: DepartmentBook; label: (name: string | undefined) => string }) {
  const now = stages.findIndex((stage) => stage.name === customer.lifecycleStage);
  const here = stages[now];
  return (
    <div>
    <ol className={classes.ladder} aria-label="Lifecycle">
      {stages.map((stage, index) => (
        <li
          key={stage.name}
          className={classes.rung}
          style={departmentStyle(departments.look(stage.department))}
          data-reached={index <= now}
          data-now={index === now}
          aria-current={index === now ? 'step' : undefined}
        >
          <span className={classes.rungLabel}>{label(stage.name)}</span>
        </li>
      ))}
    </ol>
    <div className={classes.ladderNow} aria-hidden>
      {here ? `${label(here.name)}, stage ${now + 1} of ${stages.length}` : 'No stage entered yet'}
    </div>
    </div>
  );
}

const kNamesShown = 5;

function nameSome(ids: string[]) {
  const more = ids.length - kNamesShown;
  return ids.slice(0, kNamesShown).join(', ') + (more > 0 ? ` and ${formatCount(more)} more` : '');
}

export function CustomerPage() {
  const { workspaceId = '', customerId = '' } = useParams();
  const workspace = workspaceName(workspaceId);
  const name = customerName(workspaceId, customerId);
  const [department, setDepartment] = useParameter('department');
  const [highlight, setHighlight] = useState<string | null>(null);
  const customerQuery = useCustomer(name);
  const timeline = useTimeline(name, department ? `department = ${quoted(department)}` : '');
  const departments = useDepartmentBook(workspace);
  const { all: stages, label } = useStageBook(workspace);
  const clock = useClock(workspace);
  const now = useNow();
  const customer = customerQuery.data;
  useDocumentTitle(pageTitle(customer?.customerId ?? customerId, customer ? undefined : customerQuery.error));

  const entries = useMemo(
    () => timeline.data?.pages.flatMap((page) => page.timelineEntries ?? []) ?? [],
    [timeline.data],
  );
  const stageColor = useMemo(() => {
    const colors = new Map(stages.map((stage) => [stage.name, departments.look(stage.department)?.color]));
    return (stage: string | undefined) => colors.get(stage ?? '') ?? 'var(--tl-abandoned)';
  }, [stages, departments]);

  if (!customer) {
    return customerQuery.error ? (
      <ErrorState
        error={customerQuery.error}
        onRetry={() => void customerQuery.refetch()}
        back={{ to: customersPath(workspaceId), label: 'All customers' }}
      />
    ) : (
      <Stack maw={1200} mx="auto" p="xl" aria-busy aria-label="Loading the customer">
        <Skeleton height={30} width={260} />
        <Skeleton height={180} radius={14} />
        <Skeleton height={320} radius={14} />
      </Stack>
    );
  }

  const pick = (key: string) => {
    setHighlight(key);
    document.querySelector(`[data-event="${CSS.escape(key)}"]`)?.scrollIntoView({ block: 'center' });
  };
  const loadedAll = !timeline.hasNextPage;

  return (
    <Stack gap={0} maw={1200} mx="auto" px={{ base: 14, sm: 28 }} py={{ base: 16, sm: 26 }}>
      <header className={classes.head}>
        <div style={{ minWidth: 0 }}>
          <Link to={customersPath(workspaceId)} className={classes.crumb}>
            Customers
          </Link>
          <Title order={1} style={{ overflowWrap: 'anywhere' }}>
            {customer.customerId || lastSegment(customer.name)}
          </Title>
          <div className={`${classes.meta} tl-number`}>
            <span data-testid="event-count">{formatCount(customer.eventCount)} events</span>
            <span>Since {clock.date(customer.firstEventTime)}</span>
            <span title={clock.dateTime(customer.lastEventTime)}>Last {formatRelative(customer.lastEventTime, now)}</span>
            <span>Times in {clock.zone}</span>
            {customer.linkedCustomerIds?.length ? (
              <span data-testid="also-known-as">Also known as {nameSome(customer.linkedCustomerIds)}</span>
            ) : null}
          </div>
        </div>
        <Select
          aria-label="Only events of one department"
          placeholder="All departments"
          clearable
          w={200}
          value={department || null}
          onChange={(value) => setDepartment(value ?? '')}
          data={departments.all.map((look) => ({ value: look.id, label: look.label }))}
        />
      </header>
      <div className={classes.panel}>
        <Stack gap="lg">
          {stages.length > 0 && <Ladder customer={customer} stages={stages} departments={departments} label={label} />}
          <LineOverview
            entries={entries}
            departments={departments}
            stageLabel={label}
            stageColor={stageColor}
            clock={clock}
            onPick={pick}
          />
        </Stack>
      </div>
      <div className={classes.columns}>
        <div>
          {timeline.isPending ? (
            <Stack gap="xs" aria-busy aria-label="Loading the line">
              {Array.from({ length: 6 }, (_, row) => (
                <Skeleton key={row} height={56} radius={8} />
              ))}
            </Stack>
          ) : timeline.isError && entries.length === 0 ? (
            <ErrorState error={timeline.error} onRetry={() => void timeline.refetch()} />
          ) : entries.length === 0 ? (
            <EmptyState
              icon={<IconFilterOff size={26} stroke={1.6} />}
              title="No events of this department"
              action={
                <Button variant="default" mt="xs" onClick={() => setDepartment('')}>
                  Show all departments
                </Button>
              }
            />
          ) : (
            <Line
              entries={entries}
              stages={stages}
              stageLabel={label}
              departments={departments}
              clock={clock}
              highlight={highlight}
            />
          )}
          {!loadedAll && (
            <Button variant="default" mt="md" loading={timeline.isFetchingNextPage} onClick={() => void timeline.fetchNextPage()}>
              Load {department ? 'more' : `the next ${formatCount(Math.min(kTimelinePageSize, toCount(customer.eventCount) - entries.length))}`} events
            </Button>
          )}
          {entries.length > 0 && (
            <Text size="xs" c="dimmed" mt="md" className="tl-number">
              {loadedAll ? 'That is the whole line.' : `${formatCount(entries.length)} of ${formatCount(customer.eventCount)} events loaded.`}
            </Text>
          )}
        </div>
        <aside className={classes.aside} aria-label="Runs">
          <section className={classes.panel}>
            <Title order={2} mb="xs">
              Journeys
            </Title>
            <Runs workspace={workspace} customer={name} clock={clock} now={now} />
          </section>
        </aside>
      </div>
    </Stack>
  );
}
