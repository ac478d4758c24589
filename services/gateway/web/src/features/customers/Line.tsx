// The line itself: every event of a customer, from the oldest on, under the lifecycle stage of its moment.
import { IconArrowUp, IconRoute } from '../../icons';
import { memo } from 'react';
import { Link } from 'react-router';
import type { LifecycleStage, TimelineEntry } from '../../api/types';
import { DepartmentLabel, departmentStyle } from '../../components/Badges';
import { ChannelIcon } from '../../components/ChannelIcon';
import type { DepartmentBook } from '../../components/WorkspaceContext';
import { type Clock, formatCount } from '../../lib/format';
import { humanize, lastSegment, mapPath } from '../../lib/names';
import { entryKey, stageStretches } from '../../lib/timeline';
import classes from './Customers.module.css';
import { EventPayload } from './EventPayload';

interface LineProps {
  entries: TimelineEntry[];
  stages: LifecycleStage[];
  stageLabel: (name: string | undefined) => string;
  departments: DepartmentBook;
  clock: Clock;
  highlight: string | null;
}

const Event = memo(function Event(props: {
  entry: TimelineEntry;
  departments: DepartmentBook;
  stageLabel: (name: string | undefined) => string;
  clock: Clock;
  highlight: boolean;
}) {
  const { entry, departments, clock } = props;
  const event = entry.event;
  if (!event) return null;
  const department = departments.look(event.department);
  const properties = Object.entries(event.properties ?? {}).filter(([, value]) => value !== null);
  return (
    <li
      className={classes.event}
      style={departmentStyle(department)}
      data-highlight={props.highlight}
      data-event={entryKey(event)}
    >
      <time className={`${classes.when} tl-number`} dateTime={event.eventTime}>
        <span className={classes.whenDate}>{clock.date(event.eventTime)}</span>
        {clock.time(event.eventTime)}
      </time>
      <span className={classes.bullet} aria-hidden />
      <div className={classes.body}>
        <div className={classes.eventTop}>
          <span className={classes.eventName}>{humanize(event.eventName ?? '')}</span>
          <span className={classes.eventMeta}>
            {event.channel && (
              <span className={classes.channel}>
                <ChannelIcon channel={event.channel} size={14} />
                {humanize(event.channel)}
              </span>
            )}
            <DepartmentLabel look={department} />
          </span>
        </div>
        <EventPayload event={event} departments={departments} />
        {(entry.entersLifecycleStage || (entry.touchpoints ?? []).length > 0 || properties.length > 0) && (
          <div className={classes.touchpoints}>
            {entry.entersLifecycleStage && (
              <span className={classes.enters}>
                <IconArrowUp size={14} aria-hidden /> Enters {props.stageLabel(entry.lifecycleStage)}
              </span>
            )}
            {(entry.touchpoints ?? []).map((reference) => (
              <Link
                key={`${reference.journeyMap} ${reference.touchpoint}`}
                to={mapPath(reference.journeyMap, reference.touchpoint)}
                className={classes.touchpoint}
                title={`On the map ${lastSegment(reference.journeyMap)}`}
              >
                <IconRoute size={13} aria-hidden />
                {reference.displayName || reference.touchpoint}
              </Link>
            ))}
            {properties.length > 0 && (
              <span className={classes.properties}>
                {properties.map(([key, value]) => (
                  <span key={key}>
                    {humanize(key)}: {String(value)}
                  </span>
                ))}
              </span>
            )}
          </div>
        )}
      </div>
    </li>
  );
});

export function Line({ entries, stages, stageLabel, departments, clock, highlight }: LineProps) {
  return (
    <ol className={classes.line} data-testid="line">
      {stageStretches(entries).map((stretch, index) => {
        const stage = stages.find((entry) => entry.name === stretch.stage);
        const department = departments.look(stage?.department);
        const first = stretch.entries[0]?.event?.eventTime;
        const last = stretch.entries.at(-1)?.event?.eventTime;
        const span = clock.date(first) === clock.date(last) ? clock.date(first) : `${clock.date(first)} – ${clock.date(last)}`;
        return (
          <li key={`${stretch.stage} ${index}`} className={classes.stretch} style={departmentStyle(department)}>
            <h2 className={classes.stretchHead}>
              <span className={classes.stretchBar} aria-hidden />
              {stretch.stage ? stageLabel(stretch.stage) : 'Before the first stage'}
              <span className={classes.stretchSpan}>
                {span} · {formatCount(stretch.entries.length)} {stretch.entries.length === 1 ? 'event' : 'events'}
              </span>
            </h2>
            <ol className={classes.events}>
              {stretch.entries.map((entry) => (
                <Event
                  key={entryKey(entry.event)}
                  entry={entry}
                  departments={departments}
                  stageLabel={stageLabel}
                  clock={clock}
                  highlight={highlight === entryKey(entry.event)}
                />
              ))}
            </ol>
          </li>
        );
      })}
    </ol>
  );
}
