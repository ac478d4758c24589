// What stands where there is nothing, or nothing yet, or an error.
import { ActionIcon, Button, CopyButton, Text, Title, Tooltip } from '@mantine/core';
import { IconAlertTriangle, IconCheck, IconCopy, IconPlugConnectedX } from '../icons';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { ApiError } from '../api/http';
import classes from './States.module.css';

export function Command({ text }: { text: string }) {
  return (
    <div className={classes.command}>
      <code>{text}</code>
      <CopyButton value={text}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon variant="subtle" color="gray" onClick={copy} aria-label={copied ? 'Copied' : 'Copy command'}>
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </div>
  );
}

interface EmptyStateProps {
  icon: ReactNode;
  title: string;
  children?: ReactNode;
  commands?: string[];
  action?: ReactNode;
  // 1 where this is the whole page.
  order?: 1 | 2;
}

export function EmptyState({ icon, title, children, commands = [], action, order = 2 }: EmptyStateProps) {
  return (
    <div className={classes.state} data-testid="empty-state">
      <div className={classes.icon} aria-hidden>
        {icon}
      </div>
      <Title order={order} size="h2">
        {title}
      </Title>
      {children && (
        <Text className={classes.text} size="sm" component="div">
          {children}
        </Text>
      )}
      {commands.map((command) => (
        <Command key={command} text={command} />
      ))}
      {action}
    </div>
  );
}

interface ErrorStateProps {
  error: unknown;
  onRetry?: () => void;
  // Where to go instead when what was asked for does not exist.
  back?: { to: string; label: string };
  // 1 where this is the whole page.
  order?: 1 | 2;
}

export function ErrorState({ error, onRetry, back, order = back ? 1 : 2 }: ErrorStateProps) {
  const api = error instanceof ApiError ? error : undefined;
  const unreachable = api?.httpStatus === 0;
  const absent = api?.httpStatus === 404;
  return (
    <div className={classes.state} role="alert">
      <div className={classes.icon} data-tone="bad" aria-hidden>
        {unreachable ? <IconPlugConnectedX size={26} stroke={1.6} /> : <IconAlertTriangle size={26} stroke={1.6} />}
      </div>
      <Title order={order} size="h2">
        {unreachable ? 'The server does not answer' : absent ? 'Not found' : 'That did not work'}
      </Title>
      <Text className={classes.text} size="sm">
        {unreachable
          ? 'This page keeps trying. Start the server if it is not running:'
          : error instanceof Error
            ? error.message
            : String(error)}
      </Text>
      {unreachable && <Command text="tools/dev run" />}
      {api?.fieldViolations.map((violation) => (
        <Text key={violation.field} size="sm" className={classes.text}>
          <code>{violation.field}</code>: {violation.description}
        </Text>
      ))}
      {api && !unreachable && <span className={classes.reason}>{api.reason}</span>}
      {absent && back ? (
        <Button component={Link} to={back.to} variant="default" mt="xs">
          {back.label}
        </Button>
      ) : (
        onRetry && (
          <Button variant="default" mt="xs" onClick={onRetry}>
            Try again
          </Button>
        )
      )}
    </div>
  );
}
