const MIB = 1024 * 1024;
/** What the API takes; looked at here first, so that nobody waits for 16 MiB to be refused. */
export const MOST_MIB = 16;
export const MOST_RECORDS = 100_000;
export const COLUMNS = 'businessKey,status,amount,currency';

export type Encoding = 'utf-8' | 'gb18030' | 'utf-16le';

/** A merchant's list as it was dropped or written here. */
export interface ListFile {
  name: string;
  text: string;
  /** Without the header row; as an editor counts, so a field with a line break counts twice. */
  recordCount: number;
  encoding: Encoding;
}

export type Fault = 'tooLarge' | 'tooMany' | 'noHeader' | 'empty' | 'unreadable';

/** @throws the fault, by name */
export async function readListFile(file: File): Promise<ListFile> {
  if (file.size > MOST_MIB * MIB) throw fault('tooLarge');
  return listOf(file.name, ...decode(await file.arrayBuffer()));
}

/** What was written or pasted. @throws the fault, by name */
export function pastedList(text: string): ListFile {
  if (new Blob([text]).size > MOST_MIB * MIB) throw fault('tooLarge');
  // Cells copied from a spreadsheet come with tabs.
  const isTabbed = text.trimStart().startsWith(COLUMNS.replaceAll(',', '\t'));
  return listOf('', isTabbed ? text.replaceAll('\t', ',') : text, 'utf-8');
}

export function faultOf(error: unknown): Fault {
  return error instanceof Error && error.name === 'ListFault'
    ? (error.message as Fault)
    : 'unreadable';
}

function listOf(name: string, text: string, encoding: Encoding): ListFile {
  const [header = '', ...lines] = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (text.trim() === '') throw fault('empty');
  if (header.replaceAll('"', '') !== COLUMNS) throw fault('noHeader');
  const recordCount = lines.filter((line) => line !== '').length;
  if (recordCount > MOST_RECORDS) throw fault('tooMany');
  return { name, text, recordCount, encoding };
}

/** Spreadsheets on Chinese systems write GB 18030, others UTF-16; the API takes UTF-8 alone. */
function decode(bytes: ArrayBuffer): [string, Encoding] {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  const order: Encoding[] = first === 0xff && second === 0xfe ? ['utf-16le'] : ['utf-8', 'gb18030'];
  for (const encoding of order) {
    try {
      return [new TextDecoder(encoding, { fatal: true }).decode(bytes), encoding];
    } catch {
      // Then it is the next one, or none.
    }
  }
  throw fault('unreadable');
}

function fault(name: Fault): Error {
  return Object.assign(new Error(name), { name: 'ListFault' });
}
