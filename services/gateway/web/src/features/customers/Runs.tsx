// The customer's runs through published maps: where each stands, and what the map expects next.
import { Skeleton, Text } from '@mantine/core';
import { Link } from 'react-router';
import { useJourneyInstances, useJourneyMaps } from '../../api/queries';
import type { JourneyInstance, JourneyMap } from '../../api/types';
import { StatusTag } from '../../components/Badges';
import { type Clock, formatCount, formatRelative } from '../../lib/format';
import { lastSegment, mapPath } from '../../lib/names';
import { touchpointLabels } from '../metrics/describe';
import classes from './Customers.module.css';

function Run({ run, map, clock, now }: { run: JourneyInstance; map: JourneyMap | undefined; clock: Clock; now: number }) {
  const label = touchpointLabels(map?.touchpoints);
  const expected = run.nextExpectedTime;
  const open = run.status === 'ACTIVE' || run.status === 'STALLED';
  return (
    <div className={classes.run} data-testid="run">
      <div className={classes.runFact} style={{ alignItems: 'center' }}>
        <Link to={mapPath(run.journeyMap)} className={classes.runMap}>
          {map?.displayName || lastSegment(run.journeyMap)}
        </Link>
        <StatusTag status={run.status} />
      </div>
      {run.correlationValue && (
        <div className={classes.runFact}>
          <span>Run</span>
          <span style={{ overflowWrap: 'anywhere' }}>{run.correlationValue}</span>
        </div>
      )}
      <div className={classes.runFact}>
        <span>{open ? 'Stands at' : 'Ended at'}</span>
        <Link to={mapPath(run.journeyMap, run.position)} className={classes.runMap} style={{ fontWeight: 500 }}>
          {label(run.position)}
        </Link>
      </div>
      {open && run.nextTouchpoint && (
        <div className={classes.runFact}>
          <span>Expected next</span>
          <span title={clock.dateTime(expected)}>
            {label(run.nextTouchpoint)}
            {expected && (
              <Text span size="xs" c="dimmed" display="block">
                {Date.parse(expected) < now ? `was due ${formatRelative(expected, now)}` : formatRelative(expected, now)}
              </Text>
            )}
          </span>
        </div>
      )}
      <div className={`${classes.runFact} tl-number`}>
        <span>Visits</span>
        <span>{formatCount(run.visits?.length)}</span>
      </div>
    </div>
  );
}

// A customer with very many runs (one for each order, say) shows the newest; the line below shows everything.
const kRunsMax = 12;

export function Runs({ workspace, customer, clock, now }: { workspace: string; customer: string; clock: Clock; now: number }) {
  const runs = useJourneyInstances(customer);
  const maps = useJourneyMaps(workspace).data;
  if (runs.isPending) return <Skeleton height={90} radius={8} />;
  const all = runs.data ?? [];
  if (all.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None of the customer&rsquo;s events is a touchpoint of a published map.
      </Text>
    );
  }
  return (
    <>
      {all.slice(-kRunsMax).map((run) => (
        <Run
          key={`${run.journeyMap} ${run.correlationValue ?? ''}`}
          run={run}
          map={maps?.find((map) => map.name === run.journeyMap)}
          clock={clock}
          now={now}
        />
      ))}
      {all.length > kRunsMax && (
        <Text size="xs" c="dimmed">
          {formatCount(all.length - kRunsMax)} earlier runs are not listed.
        </Text>
      )}
    </>
  );
}
