// A map that is hard to draw: many touchpoints, names that are too long, no emotions, ways back and loops.
export const kWide = 'wide';
export const kWideMap = `/w/${kWide}/maps/wide`;
export const kWideTouchpoints = 36;

const kLongName = 'Receives the letter that confirms the appointment with the technician of the partner company';
const kLongWord = 'Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen';

function touchpointAt(index) {
  const long = index % 2 === 1;
  return {
    id: `t${index}`,
    phase: `p${Math.floor(index / 6)}`,
    displayName: long ? `${kLongName} ${index}` : `Step ${index}`,
    channel: 'telephone',
    department: long ? `workspaces/${kWide}/departments/relations` : undefined,
    eventBinding: { eventNames: [`event_${index}`] },
    painPoints: index === 2 ? [kLongWord, 'second', 'third', 'fourth'] : [],
  };
}

// Two steps forward, one back: every touchpoint but the last is left in both directions, and the third also for itself.
function eventsOf(customer, start) {
  const way = [0, 1, 2, 2, 3, 2, 3, 4, 3, 4, 5, 6, 5, 6];
  return way.map((step, index) => ({
    id: `${customer}-${index}`,
    source: 'wide',
    customerId: customer,
    eventTime: new Date(start + index * 600_000).toISOString(),
    eventName: `event_${step}`,
  }));
}

export async function seedWide(server) {
  const parent = `workspaces/${kWide}`;
  await server.post(`workspaces?workspaceId=${kWide}`, { displayName: 'A company with a long name, Incorporated and Sons' });
  await server.post(`${parent}/departments?departmentId=relations`, { displayName: 'Customer relationship management' });
  const transition = (from, to) => ({
    id: `t${from}-t${to}`,
    fromTouchpoint: `t${from}`,
    toTouchpoint: `t${to}`,
    kind: to > from ? 'SEQUENCE' : 'LOOP',
    expectedShare: 0.5,
  });
  await server.post(`${parent}/journeyMaps?journeyMapId=wide`, {
    displayName: 'More than anybody can look at',
    phases: Array.from({ length: kWideTouchpoints / 6 }, (_, index) => ({ id: `p${index}`, displayName: `Phase ${index}` })),
    touchpoints: Array.from({ length: kWideTouchpoints }, (_, index) => touchpointAt(index)),
    transitions: [
      ...Array.from({ length: kWideTouchpoints - 1 }, (_, index) => transition(index, index + 1)),
      transition(2, 2),
      transition(3, 2),
      transition(4, 3),
      transition(6, 5),
    ],
  });
  await server.post(`${parent}/journeyMaps/wide:publish`, {});
  const start = Date.now() - 5 * 86_400_000;
  await server.record(kWide, ['a', 'b', 'c'].flatMap((customer) => eventsOf(customer, start)));
}
