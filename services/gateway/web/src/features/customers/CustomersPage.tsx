// The customers of a workspace: find one, and go to its line.
import { Button, Select, Skeleton, Stack, Table, Text, TextInput, Title } from '@mantine/core';
import { IconSearch, IconSearchOff, IconUsers } from '../../icons';
import { Link, useNavigate, useParams } from 'react-router';
import { useCustomers, useEventStatistics } from '../../api/queries';
import type { Customer } from '../../api/types';
import { DepartmentLabel } from '../../components/Badges';
import { Page } from '../../components/Page';
import { EmptyState, ErrorState } from '../../components/States';
import { useClock, useDepartmentBook, useNow, useStageBook } from '../../components/WorkspaceContext';
import { useParameter, useTextParameter } from '../../components/useParameter';
import { formatCount, formatRelative, toCount } from '../../lib/format';
import { customerPath, lastSegment, quoted, workspaceName } from '../../lib/names';
import classes from './Customers.module.css';

export function customersFilter(text: string, stage: string): string {
  const parts: string[] = [];
  const wanted = text.trim();
  if (wanted) parts.push(`customer_id = ${quoted(`${wanted}*`)}`);
  if (stage) parts.push(`lifecycle_stage = ${quoted(stage)}`);
  return parts.join(' AND ');
}

function Rows({ customers, workspace }: { customers: Customer[]; workspace: string }) {
  const { all: stages, label } = useStageBook(workspace);
  const departments = useDepartmentBook(workspace);
  const clock = useClock(workspace);
  const now = useNow();
  const navigate = useNavigate();
  const departmentOf = (stage: string | undefined) =>
    departments.look(stages.find((entry) => entry.name === stage)?.department);
  return (
    <Table.ScrollContainer minWidth={0} className={classes.tableBox}>
      <Table highlightOnHover verticalSpacing={10} className={classes.table}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Customer</Table.Th>
            <Table.Th className={classes.wide}>Lifecycle stage</Table.Th>
            <Table.Th className={classes.wide}>Accountable</Table.Th>
            <Table.Th ta="right">Events</Table.Th>
            <Table.Th className={classes.wide}>First event</Table.Th>
            <Table.Th ta="right">Last event</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody className="tl-number">
          {customers.map((customer) => (
            <Table.Tr
              key={customer.name}
              className={classes.row}
              onClick={(event) => {
                if (!(event.target as HTMLElement).closest('a')) void navigate(customerPath(customer.name));
              }}
            >
              <Table.Td>
                <Link to={customerPath(customer.name)} className={classes.id}>
                  {customer.customerId}
                </Link>
                <span className={classes.narrow}>
                  {customer.lifecycleStage ? label(customer.lifecycleStage) : 'No stage yet'}
                </span>
              </Table.Td>
              <Table.Td className={classes.wide}>
                {customer.lifecycleStage ? label(customer.lifecycleStage) : <span className={classes.none}>None yet</span>}
              </Table.Td>
              <Table.Td className={classes.wide}>
                <DepartmentLabel look={departmentOf(customer.lifecycleStage)} />
              </Table.Td>
              <Table.Td ta="right">{formatCount(customer.eventCount)}</Table.Td>
              <Table.Td className={classes.wide}>{clock.date(customer.firstEventTime)}</Table.Td>
              <Table.Td ta="right" className={classes.last} title={clock.dateTime(customer.lastEventTime)}>
                {formatRelative(customer.lastEventTime, now)}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export function CustomersPage() {
  const { workspaceId = '' } = useParams();
  const workspace = workspaceName(workspaceId);
  const { text, setText, settled } = useTextParameter('id');
  const [stage, setStage] = useParameter('stage');
  const filter = customersFilter(settled, stage);
  const query = useCustomers(workspace, filter);
  const { all: stages, label } = useStageBook(workspace);
  const statistics = useEventStatistics(workspace).data;
  const customers = query.data?.pages.flatMap((page) => page.customers ?? []) ?? [];

  return (
    <Page
      title="Customers"
      heading={
        <div>
          <Title order={1}>Customers</Title>
          <Text size="sm" c="dimmed" className="tl-number" mih={21}>
            {statistics && (toCount(statistics.eventCount) > 0
                ? `${formatCount(statistics.customerCount)} customers with ${formatCount(statistics.eventCount)} events`
                : 'No events recorded yet')}
          </Text>
        </div>
      }
      aside={
        <div className={classes.filters}>
          <TextInput
            aria-label="Find a customer by the beginning of the id"
            placeholder="Customer id begins with"
            leftSection={<IconSearch size={16} aria-hidden />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            type="search"
          />
          <Select
            aria-label="Lifecycle stage"
            placeholder="Any stage"
            clearable
            value={stage || null}
            onChange={(value) => setStage(value ?? '')}
            data={stages.map((entry) => ({ value: lastSegment(entry.name), label: label(entry.name) }))}
          />
        </div>
      }
    >
      {query.isPending ? (
        <Stack gap={6} aria-busy aria-label="Loading customers">
          {Array.from({ length: 10 }, (_, row) => (
            <Skeleton key={row} height={40} radius={8} />
          ))}
        </Stack>
      ) : query.isError && customers.length === 0 ? (
        <ErrorState
          error={query.error}
          onRetry={() => void query.refetch()}
          back={{ to: '/', label: 'All workspaces' }}
          order={2}
        />
      ) : customers.length === 0 ? (
        filter ? (
          <EmptyState icon={<IconSearchOff size={26} stroke={1.6} />} title="No customer matches">
            Ids are compared from their beginning, upper and lower case apart.
          </EmptyState>
        ) : (
          <EmptyState
            icon={<IconUsers size={26} stroke={1.6} />}
            title="No customers yet"
            commands={[`throughline --workspace ${workspaceId} import csv events.csv --mapping mapping.json`]}
          >
            Customers come into being with their first event. Import some:
          </EmptyState>
        )
      ) : (
        <>
          <Rows customers={customers} workspace={workspace} />
          {query.hasNextPage && (
            <Button
              variant="default"
              mt="md"
              loading={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              Load more
            </Button>
          )}
        </>
      )}
    </Page>
  );
}
