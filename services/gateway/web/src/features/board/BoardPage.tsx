// A journey map as drawn, with what is measured on it.
import { Skeleton } from '@mantine/core';
import { useDocumentTitle, useMediaQuery } from '@mantine/hooks';
import { IconLayoutKanban } from '../../icons';
import { useCallback, useMemo, useState } from 'react';
import { useParams, useSearchParams } from 'react-router';
import { EmptyState, ErrorState } from '../../components/States';
import { personaWithMostLevels } from '../../lib/emotion';
import { lastSegment, mapName, workspaceName } from '../../lib/names';
import classes from './Board.module.css';
import { BoardDrawer } from './BoardDrawer';
import { BoardGrid } from './BoardGrid';
import { BoardHead, BoardToolbar } from './BoardHeader';
import { BoardStack } from './BoardStack';
import { useBoard } from './useBoard';

function BoardSkeleton() {
  return (
    <div className={classes.page} aria-busy aria-label="Loading the map">
      <div className={classes.head}>
        <div className={classes.headText}>
          <Skeleton height={14} width={90} mb={10} />
          <Skeleton height={26} width={340} mb={12} />
          <Skeleton height={14} width={460} maw="100%" />
        </div>
      </div>
      <div className={classes.toolbar} />
      <div style={{ display: 'flex', gap: 16, padding: '24px 24px 0 140px', overflow: 'hidden' }}>
        {Array.from({ length: 6 }, (_, index) => (
          <Skeleton key={index} height={260} width={200} radius={12} style={{ flex: 'none' }} />
        ))}
      </div>
    </div>
  );
}

export function BoardPage() {
  const { workspaceId = '', mapId = '' } = useParams();
  const name = mapName(workspaceId, mapId);
  const { board, error, retry } = useBoard(workspaceName(workspaceId), name);
  const [parameters, setParameters] = useSearchParams();
  const [chosenPersona, setChosenPersona] = useState<string | null>(null);
  const isPhone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const map = board?.map;
  useDocumentTitle(`${map?.displayName || mapId} · Throughline`);

  const onOpenTouchpoint = useCallback((id: string) => setParameters({ touchpoint: id }), [setParameters]);
  const onOpenMetric = useCallback(
    (attachment: string) => setParameters({ metric: lastSegment(attachment) }),
    [setParameters],
  );
  const onClose = useCallback(() => setParameters({}), [setParameters]);
  const defaultPersona = useMemo(
    () => (map ? personaWithMostLevels(map.touchpoints ?? [], map.personas ?? []) : ''),
    [map],
  );

  if (!board || !map) return error ? <ErrorState error={error} onRetry={retry} /> : <BoardSkeleton />;

  const persona = chosenPersona ?? defaultPersona;
  const head = { board, workspaceId, persona, onPersona: setChosenPersona, onOpenMetric };
  const touchpointId = parameters.get('touchpoint');
  const body = { board, persona, openTouchpoint: touchpointId, onOpenTouchpoint, onOpenMetric };
  return (
    <div className={classes.page}>
      <BoardHead {...head} />
      {!map.publishedVersion && (map.touchpoints ?? []).length > 0 && (
        <div className={classes.banner} role="note">
          Not published yet, so nothing is measured. Publish it with{' '}
          <code>{`throughline --workspace ${workspaceId} map publish ${mapId}`}</code>
        </div>
      )}
      {(map.phases ?? []).length === 0 ? (
        <EmptyState
          icon={<IconLayoutKanban size={26} stroke={1.6} />}
          title="This map is still empty"
          commands={[`throughline --workspace ${workspaceId} map discover --create my-journey`]}
        >
          Let the recorded events draft one, and start from what really happens:
        </EmptyState>
      ) : (
        <>
          <BoardToolbar {...head} />
          {isPhone ? <BoardStack {...body} /> : <BoardGrid {...body} />}
        </>
      )}
      <BoardDrawer
        board={board}
        touchpointId={touchpointId}
        metricId={parameters.get('metric')}
        onClose={onClose}
        onOpenTouchpoint={onOpenTouchpoint}
        onOpenMetric={onOpenMetric}
      />
    </div>
  );
}
