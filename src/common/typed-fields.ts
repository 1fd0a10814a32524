/**
 * A base for classes whose members are defined from a list, at run time: its instances have the members of `Fields`.
 */
export function typedFields<Fields extends object>(): new () => Fields {
  return class {} as new () => Fields;
}
