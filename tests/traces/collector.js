// Elastic's mock of a collector: prints its port, then a line of JSON for each span, or {"fault"} for a request that the official
// definitions (opentelemetry-proto, which come with it) do not allow. Ends with its input.
const {MockOtlpServer} = require('@elastic/mockotlpserver');
const {getProtoRoot} = require('@elastic/mockotlpserver/lib/proto');

const root = getProtoRoot();
const camel = name => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
const say = line => process.stdout.write(JSON.stringify(line) + '\n');

// What JSON may say of one field (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
function checkValue(field, value, path) {
    const type = field.resolvedType;
    if (type && type.fields) return checkMessage(type, value, path);
    if (type) { // an enum: its number
        if (!Object.values(type.values).includes(value)) throw new Error(`${path}: ${value} is none of ${type.name}`);
        return;
    }
    const good = {
        string: () => typeof value === 'string',
        bool: () => typeof value === 'boolean',
        double: () => typeof value === 'number',
        uint32: () => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
        fixed32: () => Number.isInteger(value) && value >= 0 && value < 2 ** 32,
        int64: () => typeof value === 'string' && /^-?\d+$/.test(value),
        fixed64: () => typeof value === 'string' && /^\d+$/.test(value),
        bytes: () => typeof value === 'string' && /^([0-9a-f]{16}){1,2}$/.test(value),
    }[field.type];
    if (!good || !good()) throw new Error(`${path}: ${JSON.stringify(value)} is no ${field.type}`);
}

function checkMessage(type, value, path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${path}: no ${type.name}`);
    const fields = Object.fromEntries(type.fieldsArray.map(field => [camel(field.name), field.resolve()]));
    for (const [name, member] of Object.entries(value)) {
        const field = fields[name];
        if (!field) throw new Error(`${path}.${name}: ${type.name} has no such field`);
        if (!field.repeated) checkValue(field, member, `${path}.${name}`);
        else if (!Array.isArray(member)) throw new Error(`${path}.${name}: no list`);
        else member.forEach((item, i) => checkValue(field, item, `${path}.${name}[${i}]`));
    }
}

const plain = list => Object.fromEntries(list.map(({key, value}) => [key, value.stringValue ?? Number(value.intValue)]));

function onTrace(request) {
    try {
        checkMessage(root.lookupType('opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest'), request, 'request');
    } catch (error) {
        say({fault: error.message});
        return;
    }
    for (const resource of request.resourceSpans)
        for (const {scope, spans} of resource.scopeSpans)
            for (const span of spans) say({...span, attributes: plain(span.attributes), scope, resource: plain(resource.resource.attributes)});
}

const server = new MockOtlpServer({logLevel: 'error', services: ['http'], httpHostname: '127.0.0.1', httpPort: 0, onTrace,
                                   onRequest: request => say({request: request.path, headers: request.headers})});
server.start().then(() => say({port: Number(server.httpUrl.port)}));
process.stdin.resume().on('end', () => process.exit(0));
