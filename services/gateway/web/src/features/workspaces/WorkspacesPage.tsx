// The list of workspaces.
import { Skeleton, Stack, Text, Title } from '@mantine/core';
import { IconBuildingCommunity, IconChevronRight } from '../../icons';
import { Link } from 'react-router';
import { useEventStatistics, useWorkspaces } from '../../api/queries';
import type { Workspace } from '../../api/types';
import { Page } from '../../components/Page';
import { EmptyState, ErrorState } from '../../components/States';
import { useNow } from '../../components/WorkspaceContext';
import { formatCount, formatRelative } from '../../lib/format';
import { lastSegment, mapsPath } from '../../lib/names';
import classes from './Workspaces.module.css';

function WorkspaceRow({ workspace }: { workspace: Workspace }) {
  const statistics = useEventStatistics(workspace.name).data;
  const now = useNow();
  return (
    <Link to={mapsPath(lastSegment(workspace.name))} className={classes.row}>
      <div className={classes.text}>
        <Title order={2}>{workspace.displayName || lastSegment(workspace.name)}</Title>
        <Text size="sm" c="dimmed" lineClamp={2}>
          {workspace.description || workspace.name}
        </Text>
      </div>
      <div className={`${classes.numbers} tl-number`}>
        {statistics ? (
          <>
            <span>{formatCount(statistics.customerCount)} customers</span>
            <span>{formatCount(statistics.eventCount)} events</span>
            <span>{statistics.lastEventTime ? `last ${formatRelative(statistics.lastEventTime, now)}` : 'none yet'}</span>
          </>
        ) : (
          <Skeleton height={12} width={110} />
        )}
      </div>
      <IconChevronRight size={18} aria-hidden color="var(--tl-muted)" />
    </Link>
  );
}

export function WorkspacesPage() {
  const workspaces = useWorkspaces();
  return (
    <Page title="Workspaces">
      {workspaces.isPending ? (
        <Stack gap="sm" aria-busy aria-label="Loading workspaces">
          <Skeleton height={88} radius={12} />
          <Skeleton height={88} radius={12} />
        </Stack>
      ) : workspaces.data ? (
        workspaces.data.length > 0 ? (
          <Stack gap="sm">
            {workspaces.data.map((workspace) => (
              <WorkspaceRow key={workspace.name} workspace={workspace} />
            ))}
          </Stack>
        ) : (
          <EmptyState
            icon={<IconBuildingCommunity size={26} stroke={1.6} />}
            title="No workspace yet"
            commands={['throughline workspace create my-company']}
          >
            A workspace holds one company&rsquo;s customers, events and journey maps. Create one, or start the server on
            an empty data directory without <code>--empty</code> to get a demonstration company.
          </EmptyState>
        )
      ) : (
        <ErrorState error={workspaces.error} onRetry={() => void workspaces.refetch()} />
      )}
    </Page>
  );
}
