export type StringMap = Readonly<Record<string, string>>;
