// Shown when drawing a page failed: a bug of ours.
import { Button } from '@mantine/core';
import { IconBug } from '../icons';
import { useRouteError } from 'react-router';
import { EmptyState } from './States';

export function CrashPage() {
  const error = useRouteError();
  return (
    <EmptyState
      icon={<IconBug size={26} stroke={1.6} />}
      order={1}
      title="This page stopped working"
      action={
        <Button variant="default" mt="xs" onClick={() => window.location.reload()}>
          Reload
        </Button>
      }
    >
      {error instanceof Error ? error.message : 'An unknown error.'} No data was lost; reloading usually helps.
    </EmptyState>
  );
}
