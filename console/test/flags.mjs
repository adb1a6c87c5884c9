/** {name: value} of "--name value"; a name that no value follows is true. */
export function flagsOf(words) {
  const flags = {};
  words.forEach((word, i) => {
    if (!word.startsWith("--")) return;
    const next = words[i + 1];
    flags[word.slice(2)] = next === undefined || next.startsWith("--") ? true : next;
  });
  return flags;
}
