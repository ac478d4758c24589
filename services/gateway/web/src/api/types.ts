// The messages of proto/throughline/v1 in their JSON form: lowerCamel names, int64 as strings, enums by name, durations
// as `3.5s`, times as RFC 3339. Fields at their default may be absent, so almost everything is optional here.

export interface Workspace {
  name: string;
  displayName?: string;
  description?: string;
  timeZone?: string;
}

export interface Department {
  name: string;
  displayName?: string;
  description?: string;
  color?: string;
}

export interface LifecycleStage {
  name: string;
  displayName?: string;
  description?: string;
  position?: number;
  department?: string;
  entryRule?: EventBinding;
}

export interface Persona {
  name: string;
  displayName?: string;
  description?: string;
  goals?: string[];
  frustrations?: string[];
  segment?: string;
}

export interface EventBinding {
  eventNames?: string[];
  filter?: string;
}

export interface TimeInterval {
  startTime?: string;
  endTime?: string;
}

export type MapState = 'STATE_UNSPECIFIED' | 'CURRENT' | 'FUTURE';
export type MapKind = 'KIND_UNSPECIFIED' | 'LIFECYCLE' | 'MACRO' | 'MICRO' | 'SERVICE_BLUEPRINT';

export interface JourneyMap {
  name: string;
  displayName?: string;
  description?: string;
  state?: MapState;
  kind?: MapKind;
  personas?: string[];
  phases?: Phase[];
  touchpoints?: Touchpoint[];
  transitions?: Transition[];
  instanceRule?: { correlationProperty?: string; abandonAfter?: string };
  publishedVersion?: string;
  publishTime?: string;
  revisionId?: string;
  etag?: string;
  createTime?: string;
  updateTime?: string;
}

export interface Phase {
  id: string;
  displayName?: string;
  description?: string;
  lifecycleStage?: string;
}

export interface Emotion {
  persona?: string;
  level?: number;
  origin?: 'ORIGIN_UNSPECIFIED' | 'ASSUMED' | 'MEASURED';
}

export interface Touchpoint {
  id: string;
  phase: string;
  displayName?: string;
  description?: string;
  channel?: string;
  department?: string;
  importance?: number;
  expectedLevel?: number;
  emotions?: Emotion[];
  painPoints?: string[];
  gains?: string[];
  evidence?: string[];
  standards?: string[];
  backstageSystems?: string[];
  eventBinding?: EventBinding;
  linkedMap?: string;
  completesJourney?: boolean;
}

export interface Transition {
  id: string;
  fromTouchpoint: string;
  toTouchpoint?: string;
  kind?: 'KIND_UNSPECIFIED' | 'SEQUENCE' | 'BRANCH' | 'LOOP' | 'SKIP' | 'EXIT';
  expectedShare?: number;
  expectedDuration?: string;
}

export interface JourneyMapVersion {
  name: string;
  journeyMap?: JourneyMap;
  createTime?: string;
}

export type MetricKind =
  | 'KIND_UNSPECIFIED'
  | 'NPS'
  | 'CSAT'
  | 'CES'
  | 'VOLUME'
  | 'CONVERSION'
  | 'DROP_OFF'
  | 'TIME_BETWEEN';

export interface MetricDefinition {
  name: string;
  displayName?: string;
  description?: string;
  kind?: MetricKind;
  scalePoints?: number;
  cesVersion?: number;
  respondentPolicy?: 'RESPONDENT_POLICY_UNSPECIFIED' | 'ALL' | 'FIRST' | 'LATEST';
  direction?: 'DIRECTION_UNSPECIFIED' | 'HIGHER_IS_BETTER' | 'LOWER_IS_BETTER';
  target?: number;
  minN?: number;
  confidenceLevel?: number;
  version?: number;
  unit?: string;
}

export interface MetricAttachment {
  name: string;
  metricDefinition: string;
  wholeMap?: boolean;
  phase?: string;
  touchpoint?: string;
  transition?: string;
  targetTouchpoint?: string;
  filter?: string;
  rollingWindow?: string;
  fixedWindow?: TimeInterval;
  conversionWindow?: string;
}

export type MetricState = 'STATE_UNSPECIFIED' | 'PENDING' | 'UNDEFINED' | 'INSUFFICIENT_DATA' | 'OK';

export interface TrendPoint {
  window?: TimeInterval;
  state?: MetricState;
  value?: number;
  intervalLow?: number;
  intervalHigh?: number;
  n?: string;
}

export interface MetricValue {
  name: string;
  state?: MetricState;
  undefinedReason?: string;
  value?: number;
  intervalLow?: number;
  intervalHigh?: number;
  n?: string;
  method?: string;
  unit?: string;
  details?: Record<string, number>;
  excluded?: Record<string, string>;
  window?: TimeInterval;
  trend?: TrendPoint[];
  dataWatermark?: string;
  definitionVersion?: number;
  journeyMapVersion?: string;
  metricDefinition?: string;
  computeTime?: string;
}

export interface Customer {
  name: string;
  customerId?: string;
  firstEventTime?: string;
  lastEventTime?: string;
  eventCount?: string;
  lifecycleStage?: string;
  linkedCustomerIds?: string[];
}

export type PropertyValue = string | number | boolean | null;

export interface CustomerEvent {
  id: string;
  source: string;
  customerId?: string;
  eventTime?: string;
  sequence?: string;
  eventName?: string;
  channel?: string;
  department?: string;
  properties?: Record<string, PropertyValue>;
  surveyResponse?: { score?: number; survey?: string; comment?: string };
  moneyMovement?: { amountMinor?: string; currencyCode?: string };
  handOff?: {
    fromDepartment?: string;
    toDepartment?: string;
    state?: 'STATE_UNSPECIFIED' | 'OFFERED' | 'ACCEPTED' | 'REJECTED' | 'RETURNED' | 'EXPIRED';
    reason?: string;
  };
  caseChange?: { caseId?: string; status?: string };
  traits?: Record<string, PropertyValue>;
  identityLink?: { customerId?: string };
  identityUnlink?: { eventSource?: string; eventId?: string };
}

export interface TouchpointReference {
  journeyMap: string;
  touchpoint: string;
  displayName?: string;
}

export interface TimelineEntry {
  event?: CustomerEvent;
  recordTime?: string;
  lifecycleStage?: string;
  entersLifecycleStage?: boolean;
  touchpoints?: TouchpointReference[];
}

export type InstanceStatus = 'STATUS_UNSPECIFIED' | 'ACTIVE' | 'COMPLETED' | 'ABANDONED' | 'STALLED';

export interface JourneyInstance {
  journeyMap: string;
  version?: string;
  customer?: string;
  correlationValue?: string;
  status?: InstanceStatus;
  position?: string;
  visits?: { touchpoint: string; visitTime?: string; eventSource?: string; eventId?: string }[];
  nextTouchpoint?: string;
  nextExpectedTime?: string;
}

export interface InstanceStatusCounts {
  active?: string;
  completed?: string;
  abandoned?: string;
  stalled?: string;
}

export interface TouchpointPosition {
  touchpoint: string;
  visitCount?: string;
  instanceCount?: string;
  positionCounts?: InstanceStatusCounts;
}

export interface ObservedTransition {
  fromTouchpoint: string;
  toTouchpoint: string;
  count?: string;
  medianSeconds?: number;
  instanceCount?: string;
}

export interface JourneyMapPositions {
  name: string;
  version?: string;
  instanceCount?: string;
  statusCounts?: InstanceStatusCounts;
  touchpoints?: TouchpointPosition[];
  transitions?: ObservedTransition[];
  dataWatermark?: string;
}

export interface EventStatistics {
  name: string;
  eventCount?: string;
  customerCount?: string;
  firstEventTime?: string;
  lastEventTime?: string;
}
