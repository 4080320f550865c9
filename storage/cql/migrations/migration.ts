// What a migration is: numbered, named, and statements that may run twice.

export interface Migration {
  /** From 1 on, without gaps. */
  readonly id: number;
  readonly name: string;
  /** Each safe to run again (`IF NOT EXISTS`): one that was cut short is run from its start. `{keyspace}` stands for the name. */
  readonly statements: readonly string[];
}
