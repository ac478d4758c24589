// Small labels: department, and states in words with a tone.
import type { CSSProperties, ReactNode } from 'react';
import type { InstanceStatus } from '../api/types';
import classes from './Badges.module.css';
import type { DepartmentLook } from './WorkspaceContext';

export const departmentStyle = (look: DepartmentLook | undefined): CSSProperties =>
  ({ '--department': look?.color ?? 'var(--tl-line-strong)' }) as CSSProperties;

export function DepartmentLabel({ look }: { look: DepartmentLook | undefined }) {
  if (!look) return null;
  return (
    <span className={classes.department} style={departmentStyle(look)}>
      <span className={classes.swatch} aria-hidden />
      <span className={classes.departmentLabel}>{look.label}</span>
    </span>
  );
}

export type Tone = 'plain' | 'accent' | 'good' | 'warn' | 'bad';

export function Tag({ tone = 'plain', icon, children }: { tone?: Tone; icon?: ReactNode; children: ReactNode }) {
  return (
    <span className={classes.tag} data-tone={tone}>
      {icon}
      {children}
    </span>
  );
}

const kStatus: Record<string, { label: string; tone: Tone }> = {
  ACTIVE: { label: 'Active', tone: 'accent' },
  COMPLETED: { label: 'Completed', tone: 'good' },
  STALLED: { label: 'Stalled', tone: 'warn' },
  ABANDONED: { label: 'Abandoned', tone: 'plain' },
};

export function StatusTag({ status }: { status: InstanceStatus | undefined }) {
  const look = kStatus[status ?? ''] ?? { label: 'Unknown', tone: 'plain' as Tone };
  return <Tag tone={look.tone}>{look.label}</Tag>;
}
