/** The same shape, every text another one. */
type Translated<T> = { [Key in keyof T]: T[Key] extends string ? string : Translated<T[Key]> };

/** A screen's texts. The Chinese must have every key of the English, and no other. */
export function inBoth<const T>(en: T, zh: Translated<T>): { en: T; zh: Translated<T> } {
  return { en, zh };
}
