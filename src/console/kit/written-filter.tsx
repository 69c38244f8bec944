import { Autocomplete, type AutocompleteProps } from '@mantine/core';
import { useEffect, useState } from 'react';

/** A filter in words, taken when the writer goes on or presses enter: half a word finds nothing. */
export function WrittenFilter(
  props: Omit<AutocompleteProps, 'onChange' | 'value'> & {
    value: string;
    decide(text: string): void;
  },
) {
  const { value, decide, ...rest } = props;
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const handOn = (written: string) => {
    if (written.trim() !== value) decide(written.trim());
  };
  return (
    <Autocomplete
      w={180}
      spellCheck={false}
      autoComplete="off"
      {...rest}
      value={text}
      onChange={setText}
      onOptionSubmit={handOn}
      onBlur={() => handOn(text)}
      onKeyDown={(event) => {
        // Which hands it on, and closes what is offered.
        if (event.key === 'Enter') event.currentTarget.blur();
      }}
    />
  );
}
