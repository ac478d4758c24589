// The journey maps of a workspace.
import { Button, SegmentedControl, Skeleton, Stack, Text, TextInput, Title } from '@mantine/core';
import { IconRoute, IconSearch, IconSearchOff } from '../../icons';
import { useMemo } from 'react';
import { useParams } from 'react-router';
import { useEventStatistics, useJourneyMaps } from '../../api/queries';
import type { JourneyMap } from '../../api/types';
import { Page } from '../../components/Page';
import { EmptyState, ErrorState } from '../../components/States';
import { useNow } from '../../components/WorkspaceContext';
import { useParameter, useTextParameter } from '../../components/useParameter';
import { formatCount, formatRelative } from '../../lib/format';
import { lastSegment, workspaceName } from '../../lib/names';
import { MapRow } from './MapRow';
import classes from './Maps.module.css';

type Choice = 'all' | 'CURRENT' | 'FUTURE';

function matches(map: JourneyMap, text: string, choice: Choice): boolean {
  const state = map.state === 'FUTURE' ? 'FUTURE' : 'CURRENT';
  if (choice !== 'all' && state !== choice) return false;
  const wanted = text.trim().toLowerCase();
  const searched = [map.displayName, map.description, lastSegment(map.name), map.kind].join(' ').toLowerCase();
  return wanted.split(/\s+/).every((word) => searched.includes(word));
}

// Maps with numbers come before drafts; within each, by name.
function measuredFirst(a: JourneyMap, b: JourneyMap): number {
  return (
    Number(Boolean(b.publishedVersion)) - Number(Boolean(a.publishedVersion)) ||
    (a.displayName ?? '').localeCompare(b.displayName ?? '')
  );
}

function Facts({ workspace }: { workspace: string }) {
  const statistics = useEventStatistics(workspace).data;
  const now = useNow();
  return (
    <Text size="sm" c="dimmed" className="tl-number" mih={21}>
      {statistics &&
        (Number(statistics.eventCount ?? 0) > 0
          ? `${formatCount(statistics.customerCount)} customers · ${formatCount(statistics.eventCount)} events · last ${formatRelative(statistics.lastEventTime, now)}`
          : 'No events recorded yet')}
    </Text>
  );
}

export function MapsPage() {
  const { workspaceId = '' } = useParams();
  const workspace = workspaceName(workspaceId);
  const maps = useJourneyMaps(workspace);
  const { text, setText } = useTextParameter('search');
  const [state, setState] = useParameter('state');
  const choice: Choice = state === 'CURRENT' || state === 'FUTURE' ? state : 'all';
  const setChoice = (next: string) => setState(next === 'all' ? '' : next);
  const shown = useMemo(
    () => (maps.data ?? []).filter((map) => matches(map, text, choice)).sort(measuredFirst),
    [maps.data, text, choice],
  );

  return (
    <Page
      title="Journey maps"
      heading={
        <div>
          <Title order={1}>Journey maps</Title>
          <Facts workspace={workspace} />
        </div>
      }
      aside={
        <div className={classes.filters}>
          <TextInput
            aria-label="Search maps"
            placeholder="Search maps"
            leftSection={<IconSearch size={16} aria-hidden />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            type="search"
          />
          <SegmentedControl
            aria-label="State"
            value={choice}
            onChange={setChoice}
            data={[
              { value: 'all', label: 'All' },
              { value: 'CURRENT', label: 'As is' },
              { value: 'FUTURE', label: 'To be' },
            ]}
          />
        </div>
      }
    >
      {maps.isPending ? (
        <Stack gap="sm" aria-busy aria-label="Loading maps">
          {[0, 1, 2].map((row) => (
            <Skeleton key={row} height={118} radius={12} />
          ))}
        </Stack>
      ) : !maps.data ? (
        <ErrorState
          error={maps.error}
          onRetry={() => void maps.refetch()}
          back={{ to: '/', label: 'All workspaces' }}
          order={2}
        />
      ) : maps.data.length === 0 ? (
        <EmptyState
          icon={<IconRoute size={26} stroke={1.6} />}
          title="No journey map yet"
          commands={[
            `throughline --workspace ${workspaceId} import csv events.csv --mapping mapping.json`,
            `throughline --workspace ${workspaceId} map discover --create my-journey`,
          ]}
        >
          Start from reality: import what customers did, and let the events draft the first map.
        </EmptyState>
      ) : shown.length === 0 ? (
        <EmptyState
          icon={<IconSearchOff size={26} stroke={1.6} />}
          title="No map matches"
          action={
            <Button
              variant="default"
              mt="xs"
              onClick={() => {
                setText('');
                setChoice('all');
              }}
            >
              Show all {formatCount(maps.data.length)} maps
            </Button>
          }
        />
      ) : (
        <ul className={classes.list}>
          {shown.map((map) => (
            <MapRow key={map.name} map={map} workspace={workspace} />
          ))}
        </ul>
      )}
    </Page>
  );
}
