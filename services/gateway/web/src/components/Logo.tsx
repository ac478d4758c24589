// A line through moments.
export function Logo() {
  return (
    <svg width="28" height="28" viewBox="0 0 32 32" aria-hidden focusable="false">
      <rect width="32" height="32" rx="8" fill="#3b46c4" />
      <path
        d="M5 20c5 0 5-9 10-9s6 10 12 6"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <circle cx="15" cy="11" r="3" fill="#fff" />
      <circle cx="24.6" cy="18.2" r="3" fill="#fff" />
    </svg>
  );
}
