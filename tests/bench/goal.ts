/** One goal and its measured value. */
export interface Goal {
  what: string;
  wanted: string;
  measured: string;
  isMet: boolean;
}

/** A goal that is met by the wanted value or more. */
export function minimumGoal(what: string, wanted: number, measured: number): Goal {
  const present = (value: number) =>
    value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return {
    what,
    wanted: `≥ ${present(wanted)}`,
    measured: present(measured),
    isMet: measured >= wanted,
  };
}

/** A goal that is met by the wanted value or less. */
export function maximumGoal(what: string, wanted: number, measured: number, unit: string, digits = 1): Goal {
  return {
    what,
    wanted: `≤ ${wanted} ${unit}`,
    measured: `${measured.toFixed(digits)} ${unit}`,
    isMet: measured <= wanted,
  };
}
