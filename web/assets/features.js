// What this server can do, as its own description says: an older one may not know all that this page does.
import { get } from "./api.js";

let paths = {};

export async function learn() {
  paths = (await get("/v1/openapi.json")).paths ?? {};
}

/** has("/v1/jobs", "get", "id"): that path, that method, that member of the query. */
export function has(path, method = "get", parameter = null) {
  const operation = paths[path]?.[method];
  return Boolean(operation) && (!parameter || (operation.parameters ?? []).some(({ name }) => name === parameter));
}
