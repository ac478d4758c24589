// A picture for a channel. Channels are free text: what is not known gets a neutral one; the name always stands beside.
import {
  IconAd2,
  IconBrowser,
  IconBuildingStore,
  IconCreditCard,
  IconDeviceMobile,
  IconForms,
  IconHome,
  IconMail,
  IconMessageCircle,
  IconPackage,
  IconPhone,
  IconPointFilled,
  IconPresentation,
  IconServer2,
  IconShare3,
  IconUserCircle,
  IconVideo,
} from '../icons';

const kIcons: [RegExp, typeof IconMail][] = [
  [/\bweb\b|website|online|portal/, IconBrowser],
  [/mail|newsletter|letter/, IconMail],
  [/phone|call|voice/, IconPhone],
  [/video|meeting|zoom/, IconVideo],
  [/webinar|event|demo|present/, IconPresentation],
  [/chat|message|sms|whatsapp/, IconMessageCircle],
  [/social|share|community/, IconShare3],
  [/\bads?\b|advert|campaign|search/, IconAd2],
  [/app|mobile|push|product/, IconDeviceMobile],
  [/survey|form|review/, IconForms],
  [/store|shop|branch|retail/, IconBuildingStore],
  [/carrier|delivery|parcel|post|logistic/, IconPackage],
  [/billing|payment|card|invoice/, IconCreditCard],
  [/api|system|server|backend/, IconServer2],
  [/visit|technician|onsite|home/, IconHome],
  [/person|internal|human|crm/, IconUserCircle],
];

export function ChannelIcon({ channel, size = 15 }: { channel: string | undefined; size?: number }) {
  const known = (channel ?? '').toLowerCase();
  const Icon = kIcons.find(([pattern]) => pattern.test(known))?.[1] ?? IconPointFilled;
  return <Icon size={size} stroke={1.7} aria-hidden style={{ flex: 'none' }} />;
}
