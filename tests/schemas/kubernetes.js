// Holds Kubernetes manifests against their schemas: values of a wrong type, missing ones, and keys that no schema knows.
// usage: node kubernetes.js < manifests    prints "Kind/name: problem" lines; exits 1 if there is one
import { readFileSync } from "node:fs";
import YAML from "yaml";

const PACKAGES = { "keda.sh": "@kubernetes-models/keda", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator" };

// The schemas allow what they do not name, but their validators read every key that they know: what nobody read is unknown.
function watched(value, path, unread) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item, index) => watched(item, `${path}/${index}`, unread));
  const copy = {};
  for (const [key, inner] of Object.entries(value)) {
    unread.add(`${path}/${key}`);
    copy[key] = watched(inner, `${path}/${key}`, unread);
  }
  return new Proxy(copy, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`);
      return target[key];
    },
  });
}

async function problems(manifest) {
  const { apiVersion, kind } = manifest;
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  const module = `${PACKAGES[group] ?? "kubernetes-models"}/${apiVersion}/${kind}`;
  const model = (await import(module))[kind];
  const unread = new Set();
  const found = [];
  try {
    model.prototype.validate.call(watched(manifest, "", unread));
  } catch (error) {
    found.push(error.message);
  }
  return [...found, ...[...unread].map((path) => `${path} is unknown`)];
}

for (const document of YAML.parseAllDocuments(readFileSync(0, "utf8"))) {
  const manifest = document.toJSON();
  const found = await problems(manifest).catch((error) => [error.message]);
  for (const problem of found) {
    console.log(`${manifest.kind}/${manifest.metadata.name}: ${problem}`);
    process.exitCode = 1;
  }
}
