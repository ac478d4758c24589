// What kind of thing happened, where the kind has fields of its own.
import { IconArrowRight } from '../../icons';
import type { CustomerEvent } from '../../api/types';
import { DepartmentLabel, Tag, type Tone } from '../../components/Badges';
import type { DepartmentBook } from '../../components/WorkspaceContext';
import { formatMoney, toCount } from '../../lib/format';
import { humanize } from '../../lib/names';
import classes from './Customers.module.css';

const kHandOffTone: Record<string, Tone> = { ACCEPTED: 'good', REJECTED: 'bad', RETURNED: 'warn', EXPIRED: 'warn' };

function HandOff({ handOff, departments }: { handOff: NonNullable<CustomerEvent['handOff']>; departments: DepartmentBook }) {
  return (
    <div className={classes.payload}>
      <Tag tone={kHandOffTone[handOff.state ?? ''] ?? 'accent'}>Hand-off {(handOff.state ?? '').toLowerCase()}</Tag>
      <DepartmentLabel look={departments.look(handOff.fromDepartment)} />
      <IconArrowRight size={14} aria-label="to" color="var(--tl-muted)" />
      <DepartmentLabel look={departments.look(handOff.toDepartment)} />
      {handOff.reason && <p className={classes.quote}>{handOff.reason}</p>}
    </div>
  );
}

function Identity({ event }: { event: CustomerEvent }) {
  const { identityLink, identityUnlink } = event;
  if (!identityLink && !identityUnlink) return null;
  return (
    <div className={classes.payload}>
      {identityLink && <Tag>{`${event.customerId} and ${identityLink.customerId} are one person`}</Tag>}
      {identityUnlink && <Tag tone="warn">{`Takes back the link of event ${identityUnlink.eventId}`}</Tag>}
    </div>
  );
}

export function EventPayload({ event, departments }: { event: CustomerEvent; departments: DepartmentBook }) {
  return (
    <>
      <KindPayload event={event} departments={departments} />
      <Identity event={event} />
    </>
  );
}

function KindPayload({ event, departments }: { event: CustomerEvent; departments: DepartmentBook }) {
  const { surveyResponse, moneyMovement, handOff, caseChange } = event;
  if (surveyResponse) {
    return (
      <div className={classes.payload}>
        <span className={`${classes.score} tl-number`}>
          {surveyResponse.score === undefined ? 'No score' : `Score ${surveyResponse.score}`}
        </span>
        {surveyResponse.survey && <span>{surveyResponse.survey}</span>}
        {surveyResponse.comment && <blockquote className={classes.quote}>{surveyResponse.comment}</blockquote>}
      </div>
    );
  }
  if (moneyMovement) {
    const given = toCount(moneyMovement.amountMinor) < 0;
    return (
      <div className={classes.payload}>
        <Tag tone={given ? 'warn' : 'good'}>
          <span className="tl-number">{formatMoney(moneyMovement.amountMinor, moneyMovement.currencyCode)}</span>
        </Tag>
        <span>{given ? 'given back to the customer' : 'paid by the customer'}</span>
      </div>
    );
  }
  if (handOff) return <HandOff handOff={handOff} departments={departments} />;
  if (caseChange) {
    return (
      <div className={classes.payload}>
        <Tag>Case {caseChange.caseId}</Tag>
        {caseChange.status && <span>{humanize(caseChange.status)}</span>}
      </div>
    );
  }
  return null;
}
