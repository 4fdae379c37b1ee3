// usage: node worker.js AMQPPORT QUEUE PREFETCH REDISPORT HTTPPORT
// Claim by SET NX, mail, status, ack: as a careful Node service does it, with pipelined Redis and kept connections.
'use strict';
const amqp = require('amqplib');
const Redis = require('ioredis');
const { Pool } = require('undici');

const [amqpPort, queue, prefetch, redisPort, httpPort] = process.argv.slice(2);
const KEEP_MS = 7 * 24 * 3600 * 1000;

function mailOf(type, data) {
  if (type === 'order.created.v1') {
    return { to: data.customer_email, subject: `Order created: ${data.title}`, text: `Order ${data.order_id} was created.\n` };
  }
  return { to: data.to, subject: data.subject, text: data.text };
}

async function main() {
  const redis = new Redis({ host: '127.0.0.1', port: Number(redisPort), enableAutoPipelining: true });
  const service = new Pool(`http://127.0.0.1:${httpPort}`, { connections: Number(prefetch), pipelining: 1 });
  const connection = await amqp.connect(`amqp://guest:guest@127.0.0.1:${amqpPort}/`);
  const channel = await connection.createChannel();
  await channel.prefetch(Number(prefetch));

  async function handle(message) {
    const { messageId, type } = message.properties;
    const data = JSON.parse(message.content.toString());
    const claimed = await redis.set(`node:job:{${messageId}}`, 'running', 'PX', KEEP_MS, 'NX');
    if (claimed) {
      const answer = await service.request({
        path: '/emails',
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer re_bench', 'idempotency-key': messageId },
        body: JSON.stringify({ from: 'Shop <shop@example.com>', ...mailOf(type, data) }),
      });
      const { id } = await answer.body.json();
      if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`);
      await redis.hset(`node:status:{${messageId}}`, 'state', 'completed', 'provider_id', id);
    }
    channel.ack(message);
  }

  await channel.consume(queue, (message) => {
    handle(message).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  });
}

main();
