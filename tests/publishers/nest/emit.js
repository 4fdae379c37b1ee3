// Emits an event as a Nest service does, with ClientProxy over RabbitMQ.
// usage: node emit.js AMQP_URL QUEUE PATTERN DATA
'use strict';

require('reflect-metadata');
const { ClientProxyFactory, Transport } = require('@nestjs/microservices');
const { lastValueFrom } = require('rxjs');

async function main(url, queue, pattern, data) {
  const client = ClientProxyFactory.create({
    transport: Transport.RMQ,
    options: { urls: [url], queue, queueOptions: { durable: true }, persistent: true },
  });
  await client.connect();
  await lastValueFrom(client.emit(pattern, JSON.parse(data)), { defaultValue: null });
  await client.close();
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
