import { Button } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import { IconMapOff } from '../icons';
import { Link } from 'react-router';
import { EmptyState } from './States';

export function NotFoundPage() {
  useDocumentTitle('Not found · Throughline');
  return (
    <EmptyState
      icon={<IconMapOff size={26} stroke={1.6} />}
      order={1}
      title="There is no page here"
      action={
        <Button component={Link} to="/" variant="default" mt="xs">
          All workspaces
        </Button>
      }
    >
      The address may be mistyped, or what it named was deleted.
    </EmptyState>
  );
}
