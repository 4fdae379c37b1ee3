// A JSON Schema as rows: each value by its pointer, what it may be, and whether it must be there.

function notes(schema) {
  const said = [];
  const add = (name, text) => { if (schema[name] !== undefined) said.push(text(schema[name])); };
  add("const", value => `is ${JSON.stringify(value)}`);
  add("enum", value => `one of ${value.map(one => JSON.stringify(one)).join(", ")}`);
  add("format", value => value);
  add("minimum", value => `at least ${value}`);
  add("maximum", value => `at most ${value}`);
  add("minLength", value => `at least ${value} characters`);
  add("maxLength", value => `at most ${value} characters`);
  add("minItems", value => `at least ${value} items`);
  add("maxItems", value => `at most ${value} items`);
  add("pattern", value => `matches ${value}`);
  add("default", value => `else ${JSON.stringify(value)}`);
  return said.join(", ");
}

/** [{pointer, type, required, notes, description}], in the schema's order. */
export function rows(schema, pointer = "", required = true) {
  const found = pointer ? [{ pointer, type: [schema.type ?? "any"].flat().join(" or "), required, notes: notes(schema), description: schema.description ?? "" }] : [];
  for (const [name, inner] of Object.entries(schema.properties ?? {})) found.push(...rows(inner, `${pointer}/${name}`, (schema.required ?? []).includes(name)));
  if (schema.items && typeof schema.items === "object") found.push(...rows(schema.items, `${pointer}/…`, true));
  return found;
}
