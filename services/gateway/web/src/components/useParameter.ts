// A choice that is part of the page's address, so that Back, Reload and a copied link keep it.
import { useDebouncedValue } from '@mantine/hooks';
import { useCallback, useEffect, useState } from 'react';
import { useSearchParams } from 'react-router';

export function useParameter(name: string): [string, (value: string) => void] {
  const [parameters, setParameters] = useSearchParams();
  const value = parameters.get(name) ?? '';
  const setValue = useCallback(
    (next: string) =>
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          if (next) after.set(name, next);
          else after.delete(name);
          return after;
        },
        { replace: true, preventScrollReset: true },
      ),
    [setParameters, name],
  );
  return [value, setValue];
}

// The same for text that is being typed: `settled` and the address follow when the typing pauses.
export function useTextParameter(name: string) {
  const [parameter, setParameter] = useParameter(name);
  const [text, setText] = useState(parameter);
  const [settled] = useDebouncedValue(text, 250);
  useEffect(() => {
    if (settled !== parameter) setParameter(settled);
    // Only typing writes the address, so it alone is depended on.
  }, [settled]);
  return { text, setText, settled };
}
