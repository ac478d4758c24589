// A small company with every state that the app must show: numbers with and without enough answers, none at all, hand-offs,
// money, cases, several runs, several stages. Everything goes in through the HTTP API.
import { until } from './server.mjs';

const kDay = 86_400_000;

export const kWorkspace = 'acme';
export const kMap = `workspaces/${kWorkspace}/journeyMaps/order-to-review`;

const kDepartments = { marketing: ['Marketing', '#6b5cf0'], sales: ['Sales', '#0b84c6'], support: ['Support', '#c8620a'] };
const kStages = [
  ['awareness', 'Awareness', 'marketing', 'ad_clicked'],
  ['purchase', 'Purchase', 'sales', 'order_placed'],
  ['advocacy', 'Advocacy', 'marketing', 'friend_referred'],
];

const kDefinitions = {
  csat: { displayName: 'Satisfaction', kind: 'CSAT', scalePoints: 5, target: 0.7 },
  nps: { displayName: 'Recommendation', kind: 'NPS', target: 20 },
  effort: { displayName: 'Effort', kind: 'CES' },
  visits: { displayName: 'Visits', kind: 'VOLUME' },
  conversion: { displayName: 'Conversion', kind: 'CONVERSION' },
  wait: { displayName: 'Time to delivery', kind: 'TIME_BETWEEN' },
};

const touchpoint = (id, phase, displayName, channel, department, level, eventName, more = {}) => ({
  id,
  phase,
  displayName,
  channel,
  department: `workspaces/${kWorkspace}/departments/${department}`,
  emotions: [{ level, origin: level > 0 ? 'MEASURED' : 'ASSUMED' }],
  eventBinding: { eventNames: [eventName] },
  ...more,
});

export const kTouchpoints = [
  touchpoint('ad', 'discover', 'Sees the advert', 'social', 'marketing', 0.5, 'ad_clicked'),
  touchpoint('order', 'buy', 'Places the order', 'web', 'sales', 1, 'order_placed', {
    description: 'The customer pays in the shop.',
    painPoints: ['The form asks for the address twice'],
    gains: ['Pays in one step'],
  }),
  touchpoint('help', 'receive', 'Asks for help', 'phone', 'support', -1.5, 'case_opened'),
  touchpoint('delivery', 'receive', 'Receives the parcel', 'carrier', 'sales', 0.5, 'order_delivered'),
  touchpoint('review', 'judge', 'Writes a review', 'survey', 'support', -0.5, 'review_written', { completesJourney: true }),
];

const transition = (from, to, expectedShare) => ({
  id: `${from}-${to}`,
  fromTouchpoint: from,
  toTouchpoint: to,
  kind: 'SEQUENCE',
  expectedShare,
  expectedDuration: '432000s',
});

const kAttachments = {
  'map-nps': { metricDefinition: 'nps', wholeMap: true },
  'order-visits': { metricDefinition: 'visits', touchpoint: 'order' },
  'order-conversion': { metricDefinition: 'conversion', touchpoint: 'order', targetTouchpoint: 'review' },
  'review-csat': { metricDefinition: 'csat', touchpoint: 'review' },
  'help-effort': { metricDefinition: 'effort', touchpoint: 'help' },
  'buy-visits': { metricDefinition: 'visits', phase: 'buy' },
  'order-delivery-wait': { metricDefinition: 'wait', transition: 'order-delivery' },
};

function eventsOf(number, start) {
  const customerId = `customer-${String(number).padStart(3, '0')}`;
  const event = (id, hours, eventName, department, channel, more = {}) => ({
    id: `${customerId}-${id}`,
    source: 'seed',
    customerId,
    eventTime: new Date(start + hours * 3_600_000).toISOString(),
    eventName,
    department,
    channel,
    ...more,
  });
  const events = [event('ad', 0, 'ad_clicked', 'marketing', 'social', { properties: { campaign: 'spring' } })];
  if (number % 10 !== 9) {
    events.push(
      event('order', 20, 'order_placed', 'sales', 'web', { moneyMovement: { amountMinor: '4990', currencyCode: 'EUR' } }),
      event('handoff', 21, 'order_handed_over', 'sales', 'crm', {
        handOff: { fromDepartment: 'sales', toDepartment: 'support', state: 'ACCEPTED' },
      }),
      event('delivered', 70 + (number % 7) * 5, 'order_delivered', 'sales', 'carrier'),
    );
  }
  if (number % 5 === 0) {
    events.push(
      event('case', 40, 'case_opened', 'support', 'phone', { caseChange: { caseId: `case-${number}`, status: 'open' } }),
    );
  }
  if (number % 10 < 7) {
    events.push(
      event('review', 120, 'review_written', 'support', 'survey', {
        surveyResponse: { score: 1 + ((number * 7) % 5), survey: 'review', comment: number % 3 ? '' : 'Came in time.' },
      }),
    );
  }
  return events;
}

export const kCustomerCount = 60;

export async function seed(server) {
  const parent = `workspaces/${kWorkspace}`;
  await server.post(`workspaces?workspaceId=${kWorkspace}`, { displayName: 'Acme', timeZone: 'Europe/Berlin' });
  await server.post('workspaces?workspaceId=blank', { displayName: 'Blank' });
  for (const [id, [displayName, color]] of Object.entries(kDepartments)) {
    await server.post(`${parent}/departments?departmentId=${id}`, { displayName, color });
  }
  for (const [index, [id, displayName, department, eventName]] of kStages.entries()) {
    await server.post(`${parent}/lifecycleStages?lifecycleStageId=${id}`, {
      displayName,
      position: (index + 1) * 10,
      department: `${parent}/departments/${department}`,
      entryRule: { eventNames: [eventName] },
    });
  }
  await server.post(`${parent}/personas?personaId=ada`, { displayName: 'Ada, in a hurry' });
  for (const [id, definition] of Object.entries(kDefinitions)) {
    await server.post(`${parent}/metricDefinitions?metricDefinitionId=${id}`, definition);
  }
  await seedMap(server, parent);
  await server.post(`${parent}/journeyMaps?journeyMapId=draft`, {
    displayName: 'A draft',
    state: 'FUTURE',
    phases: [{ id: 'one', displayName: 'One' }],
    touchpoints: [{ id: 'first', phase: 'one', displayName: 'First idea' }],
  });
  const start = Date.now() - 20 * kDay;
  for (let number = 0; number < kCustomerCount; number += 20) {
    const events = Array.from({ length: 20 }, (_, index) => eventsOf(number + index, start + (number + index) * 3_600_000));
    await server.record(kWorkspace, events.flat());
  }
  await until('the metrics to be computed from all events', async () => {
    const { metricValues = [] } = await server.get(`${kMap}/metricValues`);
    const visits = metricValues.find((value) => value.name.includes('/order-visits/'));
    return (
      metricValues.length === Object.keys(kAttachments).length &&
      metricValues.every((value) => value.state && value.state !== 'PENDING') &&
      visits?.value === 54
    );
  });
}

async function seedMap(server, parent) {
  await server.post(`${parent}/journeyMaps?journeyMapId=order-to-review`, {
    displayName: 'Order to review',
    description: 'From the first advert to the review.',
    state: 'CURRENT',
    kind: 'MACRO',
    personas: [`${parent}/personas/ada`],
    phases: [
      { id: 'discover', displayName: 'Discover', lifecycleStage: `${parent}/lifecycleStages/awareness` },
      { id: 'buy', displayName: 'Buy', lifecycleStage: `${parent}/lifecycleStages/purchase` },
      { id: 'receive', displayName: 'Receive' },
      { id: 'wait', displayName: 'Wait' },
      { id: 'judge', displayName: 'Judge' },
    ],
    touchpoints: kTouchpoints,
    transitions: [
      transition('ad', 'order', 0.6),
      transition('order', 'delivery', 0.8),
      transition('delivery', 'review', 0.75),
      transition('order', 'help', 0.2),
    ],
    instanceRule: { abandonAfter: '7776000s' },
  });
  await server.post(`${kMap}:publish`, {});
  for (const [id, attachment] of Object.entries(kAttachments)) {
    await server.post(`${kMap}/metricAttachments?metricAttachmentId=${id}`, {
      ...attachment,
      metricDefinition: `${parent}/metricDefinitions/${attachment.metricDefinition}`,
    });
  }
}
