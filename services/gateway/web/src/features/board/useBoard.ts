// Everything that a board shows, joined, and refreshed live.
import { useMemo } from 'react';
import {
  useJourneyMap,
  useJourneyMapPositions,
  useJourneyMapVersion,
  useMetricAttachments,
  useMetricDefinitions,
  useMetricValues,
  usePersonas,
} from '../../api/queries';
import type { JourneyMap, JourneyMapPositions, Persona, Transition } from '../../api/types';
import {
  type DepartmentBook,
  useClock,
  useDepartmentBook,
  useNow,
  useStageBook,
} from '../../components/WorkspaceContext';
import { type BoardLayout, type Flow, differsFromPublished, flowsOf, layOut } from '../../lib/board';
import type { Clock } from '../../lib/format';
import { type Metric, metricsBySubject } from '../../lib/metrics';
import { type TouchpointLabel, touchpointLabels } from '../metrics/describe';

export interface Board {
  map: JourneyMap;
  layout: BoardLayout;
  metrics: Map<string, Metric[]>;
  positions: JourneyMapPositions | undefined;
  flows: Flow[];
  personas: Persona[];
  departments: DepartmentBook;
  stageLabel: (name: string | undefined) => string;
  touchpointLabel: TouchpointLabel;
  hasUnpublishedChanges: boolean;
  clock: Clock;
  now: number;
}

// The numbers of the transitions that begin at a touchpoint.
export function onwardMetrics(board: Board, touchpoint: string | undefined): { metric: Metric; transition: Transition }[] {
  return (board.map.transitions ?? [])
    .filter((transition) => transition.fromTouchpoint === touchpoint)
    .flatMap((transition) =>
      (board.metrics.get(`transition:${transition.id}`) ?? []).map((metric) => ({ metric, transition })),
    );
}

export interface BoardQuery {
  board: Board | undefined;
  error: unknown;
  retry: () => void;
}

export function useBoard(workspace: string, name: string): BoardQuery {
  const mapQuery = useJourneyMap(name);
  const map = mapQuery.data;
  const version = useJourneyMapVersion(map?.publishedVersion || undefined).data?.journeyMap;
  const attachments = useMetricAttachments(name);
  const values = useMetricValues(name);
  const definitions = useMetricDefinitions(workspace);
  const positionsQuery = useJourneyMapPositions(name, Boolean(map?.publishedVersion));
  const positions = positionsQuery.data;
  const personaQuery = usePersonas(workspace);
  const personaList = personaQuery.data;
  const departments = useDepartmentBook(workspace);
  const { label: stageLabel } = useStageBook(workspace);
  const clock = useClock(workspace);
  const now = useNow();

  const layout = useMemo(() => (map ? layOut(map) : undefined), [map]);
  const metrics = useMemo(
    () => metricsBySubject(attachments.data ?? [], values.data ?? [], definitions.data ?? []),
    [attachments.data, values.data, definitions.data],
  );
  const flows = useMemo(() => (map && layout ? flowsOf(map, positions, layout.columns) : []), [map, layout, positions]);
  const touchpointLabel = useMemo(() => touchpointLabels(map?.touchpoints), [map]);
  const hasUnpublishedChanges = useMemo(() => Boolean(map && differsFromPublished(map, version)), [map, version]);
  const personas = useMemo(() => {
    const wanted = new Set(map?.personas ?? []);
    return (personaList ?? []).filter((persona) => wanted.has(persona.name));
  }, [map, personaList]);

  // Drawn once it is whole: numbers that come in one after the other would push the cards about.
  const isComing =
    [attachments, values, definitions, personaQuery].some((query) => query.isPending) ||
    (Boolean(map?.publishedVersion) && positionsQuery.isPending);
  if (!map || !layout || isComing) {
    return { board: undefined, error: mapQuery.error, retry: () => void mapQuery.refetch() };
  }
  return {
    board: {
      map,
      layout,
      metrics,
      positions,
      flows,
      personas,
      departments,
      stageLabel,
      touchpointLabel,
      hasUnpublishedChanges,
      clock,
      now,
    },
    error: null,
    retry: () => void mapQuery.refetch(),
  };
}
