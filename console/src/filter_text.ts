// What is typed to filter runs: a clause of the filter language, the beginning of one, or part of a name. Pure.

/** True for what is said in the filter language; anything else is part of a name. */
export function isExpression(filter: string): boolean {
  return /[=<>]|\b(i?like|in|is)\b\s*['"(n]/i.test(filter) && /^\s*[\w"`.]/.test(filter);
}

const kClause = /^\s*(\w+\.)?(`[^`]+`|"[^"]+"|[\w./-]+)\s*((<=|>=|!=|=|<|>)\s*('[^']*'|"[^"]*"|-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?)|\s(i?like)\s*('[^']*'|"[^"]*")|\s(not\s+)?in\s*\(.*\)|\sis\s+(not\s+)?null)\s*$/i;

/** What stands between the ANDs: a run fits a filter when it fits each. */
export function clausesOf(filter: string): string[] {
  // Quoted texts may hold an AND.
  const quotes: string[] = [];
  const bare = filter.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, (text) => `${text[0]}${quotes.push(text) - 1}${text[0]}`);
  const whole = (clause: string) => clause.replace(/'\d+'|"\d+"|`\d+`/g, (text) => quotes[Number(text.slice(1, -1))]!);
  return bare.split(/\sand\s/i).map((clause) => whole(clause).trim());
}

/** False while a clause is being typed, as far as that can be seen; what is sent the server judges. */
export function isWhole(filter: string): boolean {
  return clausesOf(filter).every((clause) => kClause.test(clause));
}

/** What names are searched for, in small letters; "" while a clause is typed. */
export function partOfName(filter: string): string {
  const text = filter.trim().toLowerCase();
  return isExpression(text) || /^(metrics|params|tags|attributes)\./.test(text) ? "" : text;
}
