import { useCallback, useEffect, useReducer, useState } from 'react';
import type { AttemptEvent } from '../../../features/events/contract.ts';

export type { AttemptEvent };

/** A page that is open all night must not grow all night. */
export const MOST_KEPT = 200;

export interface Line {
  event: AttemptEvent;
  /** Some were left out just before this one. */
  afterGap: boolean;
}

interface State {
  /** Newest first. */
  shown: Line[];
  /** What came while paused; the oldest are dropped beyond `MOST_KEPT`. */
  waiting: Line[];
  isPaused: boolean;
  hasGap: boolean;
}

type Action =
  | { kind: 'attempt'; event: AttemptEvent }
  | { kind: 'gap' | 'pause' | 'resume' | 'clear' };

const NOTHING: State = { shown: [], waiting: [], isPaused: false, hasGap: false };

function step(state: State, action: Action): State {
  switch (action.kind) {
    case 'attempt': {
      const line = { event: action.event, afterGap: state.hasGap };
      const list = state.isPaused ? 'waiting' : 'shown';
      return { ...state, hasGap: false, [list]: [line, ...state[list]].slice(0, MOST_KEPT) };
    }
    case 'gap':
      return { ...state, hasGap: true };
    case 'pause':
      return { ...state, isPaused: true };
    case 'resume': {
      const shown = [...state.waiting, ...state.shown].slice(0, MOST_KEPT);
      return { ...state, shown, waiting: [], isPaused: false };
    }
    case 'clear':
      return { ...state, shown: [], waiting: [] };
  }
}

type Connection = 'connecting' | 'open' | 'lost';

/** Attempts as they end. @param url of the stream; another one begins anew */
export function useStream(url: string) {
  const [state, dispatch] = useReducer(step, NOTHING);
  const [connection, setConnection] = useState<Connection>('connecting');
  const [round, setRound] = useState(0);
  useEffect(() => {
    setConnection('connecting');
    dispatch({ kind: 'clear' });
    const source = new EventSource(url);
    source.addEventListener('open', () => setConnection('open'));
    source.addEventListener('error', () => {
      // It comes back by itself after a break, and says where it was; a refusal ends it.
      setConnection(source.readyState === EventSource.CLOSED ? 'lost' : 'connecting');
    });
    source.addEventListener('attempt', ({ data }) => {
      dispatch({ kind: 'attempt', event: JSON.parse(data) as AttemptEvent });
    });
    source.addEventListener('gap', () => dispatch({ kind: 'gap' }));
    return () => source.close();
    // Another round is another connection.
  }, [url, round]);
  const act = useCallback((kind: 'pause' | 'resume' | 'clear') => dispatch({ kind }), []);
  return { ...state, connection, act, reconnect: () => setRound((before) => before + 1) };
}
