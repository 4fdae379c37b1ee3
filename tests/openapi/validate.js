// Reads an OpenAPI document and says what is wrong with it, a line each.
import { Validator } from "@seriousme/openapi-schema-validator";
import { readFileSync } from "node:fs";

const found = await new Validator().validate(JSON.parse(readFileSync(0, "utf8")));
for (const error of found.valid ? [] : [].concat(found.errors)) console.log(typeof error === "string" ? error : `${error.instancePath} ${error.message}`);
