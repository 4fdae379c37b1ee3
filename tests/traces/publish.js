// publish.js URL EXCHANGE KEY MESSAGE: publishes with amqplib, traced by OpenTelemetry's own library. Prints its span.
const {context, trace} = require('@opentelemetry/api');
const {NodeTracerProvider, SimpleSpanProcessor} = require('@opentelemetry/sdk-trace-node');
const {AmqplibInstrumentation} = require('@opentelemetry/instrumentation-amqplib');

const ended = [];
const exporter = {export: (spans, done) => { ended.push(...spans); done({code: 0}); }, shutdown: async () => {}};
const provider = new NodeTracerProvider({spanProcessors: [new SimpleSpanProcessor(exporter)]});
provider.register();
const instrumentation = new AmqplibInstrumentation();
instrumentation.setTracerProvider(provider);
instrumentation.enable();
const amqp = require('amqplib');

async function main([url, exchange, key, text]) {
    const {body, ...options} = JSON.parse(text);
    const connection = await amqp.connect(url);
    const channel = await connection.createConfirmChannel();
    const tracer = trace.getTracer('shop');
    await tracer.startActiveSpan('order', async span => {
        channel.publish(exchange, key, Buffer.from(JSON.stringify(body)), {contentType: 'application/json', persistent: true, ...options});
        await channel.waitForConfirms();
        span.end();
    });
    await connection.close();
    await provider.forceFlush();
    for (const span of ended)
        console.log(JSON.stringify({name: span.name, kind: span.kind, trace: span.spanContext().traceId, id: span.spanContext().spanId,
                                    parent: span.parentSpanContext?.spanId ?? null}));
}

main(process.argv.slice(2)).catch(error => { console.error(error); process.exit(1); });
