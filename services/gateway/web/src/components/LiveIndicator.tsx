// Whether the numbers on the screen are those of now: "Live", or since when the server has not answered.
import { Tooltip } from '@mantine/core';
import { useSyncExternalStore } from 'react';
import { connectionStore } from '../api/http';
import { formatRelative, makeClock } from '../lib/format';
import classes from './AppLayout.module.css';

const clock = makeClock(Intl.DateTimeFormat().resolvedOptions().timeZone);

export function LiveIndicator() {
  const { lastSuccess, offlineSince } = useSyncExternalStore(connectionStore.subscribe, connectionStore.snapshot);
  const state = offlineSince !== null ? 'offline' : lastSuccess === null ? 'connecting' : 'live';
  const text =
    offlineSince !== null ? `Offline since ${clock.time(offlineSince)}` : state === 'live' ? 'Live' : 'Connecting';
  const help =
    state === 'offline'
      ? lastSuccess === null
        ? 'The server has not answered yet. Trying again every two seconds.'
        : `Showing what was last received, ${formatRelative(lastSuccess, Date.now())}. Trying again every two seconds.`
      : 'What customers do shows here within seconds. Paused while this tab is hidden.';
  return (
    <Tooltip label={help} multiline w={240} position="bottom-end" events={{ hover: true, focus: true, touch: true }}>
      <span className={classes.live} data-state={state} data-testid="live" role="status">
        <span className={classes.dot} aria-hidden />
        {text}
      </span>
    </Tooltip>
  );
}
