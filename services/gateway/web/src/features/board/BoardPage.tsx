// A journey map as drawn, with what is measured on it.
import { Skeleton } from '@mantine/core';
import { useDocumentTitle, useMediaQuery } from '@mantine/hooks';
import { IconLayoutKanban } from '../../icons';
import { useCallback, useMemo, useState } from 'react';
import { useLocation, useNavigate, useParams, useSearchParams } from 'react-router';
import { EmptyState, ErrorState } from '../../components/States';
import { personaWithMostLevels } from '../../lib/emotion';
import { lastSegment, mapName, mapsPath, workspaceName } from '../../lib/names';
import { pageTitle } from '../../lib/title';
import { metricLabel } from '../metrics/describe';
import classes from './Board.module.css';
import { BoardDrawer, findMetric } from './BoardDrawer';
import { BoardGrid } from './BoardGrid';
import { BoardHead, BoardToolbar } from './BoardHeader';
import { BoardStack } from './BoardStack';
import { type Board, useBoard } from './useBoard';

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

// The drawer is in the address. Back leads to what was open before; closing goes back past everything that was opened
// since the board, so that Back then leaves the board and does not open the drawer again.
function useDrawerHistory() {
  const [, setParameters] = useSearchParams();
  const navigate = useNavigate();
  const depth = Number((useLocation().state as { drawerDepth?: number } | null)?.drawerDepth ?? 0);
  const open = useCallback(
    (parameters: Record<string, string>) =>
      setParameters(parameters, { state: { drawerDepth: depth + 1 }, preventScrollReset: true }),
    [setParameters, depth],
  );
  const onClose = useCallback(() => {
    if (depth > 0) void navigate(-depth);
    else setParameters({}, { replace: true, preventScrollReset: true });
  }, [setParameters, navigate, depth]);
  return { open, onClose };
}

function boardTitle(board: Board | undefined, mapId: string, parameters: URLSearchParams): string {
  const metric = board && findMetric(board, parameters.get('metric'));
  const touchpoint = parameters.get('touchpoint');
  const isDrawn = board?.map.touchpoints?.some((entry) => entry.id === touchpoint);
  const open = metric ? metricLabel(metric, board.touchpointLabel) : isDrawn && board?.touchpointLabel(touchpoint ?? '');
  return [open, board?.map.displayName || mapId].filter(Boolean).join(' · ');
}

export function BoardPage() {
  const { workspaceId = '', mapId = '' } = useParams();
  const name = mapName(workspaceId, mapId);
  const { board, error, retry } = useBoard(workspaceName(workspaceId), name);
  const [parameters] = useSearchParams();
  const [chosenPersona, setChosenPersona] = useState<string | null>(null);
  const isPhone = useMediaQuery('(max-width: 48em)', false, { getInitialValueInEffect: false });
  const map = board?.map;
  useDocumentTitle(pageTitle(boardTitle(board, mapId, parameters), board ? undefined : error));

  const { open, onClose } = useDrawerHistory();
  const onOpenTouchpoint = useCallback((id: string) => open({ touchpoint: id }), [open]);
  const onOpenMetric = useCallback((attachment: string) => open({ metric: lastSegment(attachment) }), [open]);
  const defaultPersona = useMemo(
    () => (map ? personaWithMostLevels(map.touchpoints ?? [], map.personas ?? []) : ''),
    [map],
  );

  if (!board || !map) return error ? <ErrorState error={error} onRetry={retry} back={{ to: mapsPath(workspaceId), label: 'All maps' }} /> : <BoardSkeleton />;

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
