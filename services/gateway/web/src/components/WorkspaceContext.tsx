// What most places of a workspace's pages need: departments with their colours, stages, and the workspace's clock.
import { useInterval } from '@mantine/hooks';
import { useMemo, useState } from 'react';
import { useParams } from 'react-router';
import { useDepartments, useLifecycleStages, useWorkspace } from '../api/queries';
import type { LifecycleStage } from '../api/types';
import { type Clock, makeClock } from '../lib/format';
import { humanize, lastSegment, workspaceName } from '../lib/names';

export interface DepartmentLook {
  id: string;
  label: string;
  color: string;
}

// For departments without a colour of their own, by their position; apart from each other also for the colour-blind.
const kPalette = ['#6b5cf0', '#0b84c6', '#c8620a', '#158a5a', '#b8327d', '#7a6a1c', '#0f8f9c', '#8a4b2f'];
const kUnknownColor = '#7d8697';

export interface DepartmentBook {
  all: DepartmentLook[];
  // By resource name or id; a department that the workspace does not know is shown by its id, in grey.
  look: (nameOrId: string | undefined) => DepartmentLook | undefined;
}

export function useDepartmentBook(workspace: string): DepartmentBook {
  const departments = useDepartments(workspace);
  return useMemo(() => {
    const all = (departments.data ?? []).map((department, position) => ({
      id: lastSegment(department.name),
      label: department.displayName || humanize(lastSegment(department.name)),
      color: /^#[0-9a-f]{6}$/i.test(department.color ?? '')
        ? (department.color as string)
        : (kPalette[position % kPalette.length] as string),
    }));
    const byId = new Map(all.map((look) => [look.id, look]));
    const look = (nameOrId: string | undefined) => {
      const id = lastSegment(nameOrId);
      if (!id) return undefined;
      return byId.get(id) ?? { id, label: humanize(id), color: kUnknownColor };
    };
    return { all, look };
  }, [departments.data]);
}

export function useStageBook(workspace: string): { all: LifecycleStage[]; label: (name: string | undefined) => string } {
  const stages = useLifecycleStages(workspace);
  return useMemo(() => {
    const all = stages.data ?? [];
    const labels = new Map(all.map((stage) => [stage.name, stage.displayName || humanize(lastSegment(stage.name))]));
    return { all, label: (name) => (name ? (labels.get(name) ?? humanize(lastSegment(name))) : '') };
  }, [stages.data]);
}

export function useClock(workspace: string): Clock {
  const timeZone = useWorkspace(workspace).data?.timeZone;
  return useMemo(() => makeClock(timeZone), [timeZone]);
}

// The present, for "3 min ago"; moves every ten seconds.
export function useNow(): number {
  const [now, setNow] = useState(() => Date.now());
  useInterval(() => setNow(Date.now()), 10_000, { autoInvoke: true });
  return now;
}

export function useWorkspaceName(): string {
  const { workspaceId = '' } = useParams();
  return workspaceName(workspaceId);
}
