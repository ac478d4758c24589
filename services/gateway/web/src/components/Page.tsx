// A page of ordinary width, with its title.
import { Box, Group, Title } from '@mantine/core';
import { useDocumentTitle } from '@mantine/hooks';
import type { ReactNode } from 'react';

interface PageProps {
  title: string;
  heading?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
}

export function Page({ title, heading, aside, children }: PageProps) {
  useDocumentTitle(`${title} · Throughline`);
  return (
    <Box maw={1200} mx="auto" px={{ base: 16, sm: 28 }} py={{ base: 20, sm: 32 }}>
      <Group justify="space-between" align="flex-end" gap="md" mb={{ base: 16, sm: 24 }}>
        {heading ?? <Title order={1}>{title}</Title>}
        {aside}
      </Group>
      {children}
    </Box>
  );
}
