// Every question that the screens ask, with how often it is asked again.
import { QueryClient, keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { ApiError, get, listAll } from './http';
import type {
  Customer,
  Department,
  EventStatistics,
  JourneyInstance,
  JourneyMap,
  JourneyMapPositions,
  JourneyMapVersion,
  LifecycleStage,
  MetricAttachment,
  MetricDefinition,
  MetricValue,
  Persona,
  TimelineEntry,
  Workspace,
} from './types';

// What customers do shows within two seconds; what teams set up, within ten. Unchanged answers cost a 304.
export const kLiveMs = 2_000;
export const kSetUpMs = 10_000;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // The server is usually this machine: the browser's idea of being online says nothing about it.
        networkMode: 'always',
        refetchInterval: kLiveMs,
        refetchIntervalInBackground: false,
        refetchOnWindowFocus: 'always',
        staleTime: 1_000,
        retry: (failures, error) => error instanceof ApiError && error.isTransient && failures < 2,
        retryDelay: 500,
      },
    },
  });
}

export const useWorkspaces = () =>
  useQuery({
    queryKey: ['workspaces'],
    queryFn: ({ signal }) => listAll<Workspace>('workspaces', 'workspaces', {}, signal),
    refetchInterval: kSetUpMs,
  });

export const useWorkspace = (workspace: string) =>
  useQuery({
    queryKey: [workspace],
    queryFn: ({ signal }) => get<Workspace>(workspace, {}, signal),
    refetchInterval: kSetUpMs,
  });

export const useEventStatistics = (workspace: string) =>
  useQuery({
    queryKey: [workspace, 'eventStatistics'],
    queryFn: ({ signal }) => get<EventStatistics>(`${workspace}/eventStatistics`, {}, signal),
  });

const setUpList = <T>(workspace: string, collection: string) => ({
  queryKey: [workspace, collection],
  queryFn: ({ signal }: { signal: AbortSignal }) => listAll<T>(`${workspace}/${collection}`, collection, {}, signal),
  refetchInterval: kSetUpMs,
});

export const useDepartments = (workspace: string) => useQuery(setUpList<Department>(workspace, 'departments'));
export const usePersonas = (workspace: string) => useQuery(setUpList<Persona>(workspace, 'personas'));
export const useMetricDefinitions = (workspace: string) =>
  useQuery(setUpList<MetricDefinition>(workspace, 'metricDefinitions'));

export const useLifecycleStages = (workspace: string) =>
  useQuery({
    ...setUpList<LifecycleStage>(workspace, 'lifecycleStages'),
    select: (stages) => [...stages].sort((a, b) => (a.position ?? 0) - (b.position ?? 0)),
  });

export const useJourneyMaps = (workspace: string) =>
  useQuery({
    queryKey: [workspace, 'journeyMaps'],
    queryFn: ({ signal }) => listAll<JourneyMap>(`${workspace}/journeyMaps`, 'journeyMaps', {}, signal),
  });

export const useJourneyMap = (map: string) =>
  useQuery({ queryKey: [map], queryFn: ({ signal }) => get<JourneyMap>(map, {}, signal) });

// A version never changes, so it is read once.
export const useJourneyMapVersion = (version: string | undefined) =>
  useQuery({
    queryKey: [version],
    queryFn: ({ signal }) => get<JourneyMapVersion>(version ?? '', {}, signal),
    enabled: Boolean(version),
    staleTime: Infinity,
    refetchInterval: false,
  });

export const useMetricAttachments = (map: string) =>
  useQuery({
    queryKey: [map, 'metricAttachments'],
    queryFn: ({ signal }) => listAll<MetricAttachment>(`${map}/metricAttachments`, 'metricAttachments', {}, signal),
    refetchInterval: kSetUpMs,
  });

export const useMetricValues = (map: string, enabled = true) =>
  useQuery({
    queryKey: [map, 'metricValues'],
    queryFn: ({ signal }) => listAll<MetricValue>(`${map}/metricValues`, 'metricValues', {}, signal),
    enabled,
  });

export const useJourneyMapPositions = (map: string, enabled: boolean) =>
  useQuery({
    queryKey: [map, 'positions'],
    queryFn: ({ signal }) => get<JourneyMapPositions>(`${map}/positions`, {}, signal),
    enabled,
  });

interface CustomersPage {
  customers?: Customer[];
  nextPageToken?: string;
}

export const useCustomers = (workspace: string, filter: string) =>
  useInfiniteQuery({
    queryKey: [workspace, 'customers', filter],
    queryFn: ({ signal, pageParam }) =>
      get<CustomersPage>(`${workspace}/customers`, { pageSize: 50, filter, pageToken: pageParam }, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: keepPreviousData,
  });

export const useCustomer = (customer: string) =>
  useQuery({ queryKey: [customer], queryFn: ({ signal }) => get<Customer>(customer, {}, signal) });

interface TimelinePage {
  timelineEntries?: TimelineEntry[];
  nextPageToken?: string;
}

export const kTimelinePageSize = 100;

export const useTimeline = (customer: string, filter: string) =>
  useInfiniteQuery({
    queryKey: [customer, 'timelineEntries', filter],
    queryFn: ({ signal, pageParam }) =>
      get<TimelinePage>(
        `${customer}/timelineEntries`,
        { pageSize: kTimelinePageSize, filter, pageToken: pageParam },
        signal,
      ),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextPageToken || undefined,
    placeholderData: keepPreviousData,
  });

export const useJourneyInstances = (customer: string) =>
  useQuery({
    queryKey: [customer, 'journeyInstances'],
    queryFn: ({ signal }) =>
      listAll<JourneyInstance>(`${customer}/journeyInstances`, 'journeyInstances', {}, signal),
  });
