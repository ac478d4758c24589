// Runs by status as one bar; the numbers stand beside it as text.
import type { HereNow } from '../../lib/board';

export const kStatuses: { key: 'active' | 'stalled' | 'abandoned' | 'completed'; label: string; color: string }[] = [
  { key: 'active', label: 'active', color: 'var(--tl-active)' },
  { key: 'stalled', label: 'stalled', color: 'var(--tl-stalled)' },
  { key: 'abandoned', label: 'abandoned', color: 'var(--tl-abandoned)' },
  { key: 'completed', label: 'completed', color: 'var(--tl-completed)' },
];

export function StatusBar({ counts }: { counts: HereNow }) {
  return (
    <>
      {kStatuses.filter(({ key }) => counts[key] > 0).map(({ key, color }) => (
        <span key={key} style={{ flexGrow: counts[key], flexBasis: 0, background: color }} aria-hidden />
      ))}
    </>
  );
}
