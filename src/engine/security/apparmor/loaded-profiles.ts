/** The names in what the kernel lists in securityfs: `name (mode)` a line; a profile within another is `outer//inner`. */
export function parseLoadedProfiles(text: string): ReadonlySet<string> {
  return new Set(
    text.split('\n').flatMap((line) => {
      const mode = line.lastIndexOf(' (');
      return mode > 0 && line.endsWith(')') ? [line.slice(0, mode)] : [];
    }),
  );
}
