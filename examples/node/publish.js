// Publishes one order to leveret with amqplib. usage: npm ci && node publish.js ORDER_ID, the broker in AMQP_URL
'use strict';
const amqplib = require('amqplib');
const { randomBytes, randomUUID } = require('crypto');

async function main(orderId) {
  const connection = await amqplib.connect(process.env.AMQP_URL);
  const channel = await connection.createConfirmChannel();
  channel.on('error', fail);
  channel.on('return', (message) => fail(new Error(`no queue for ${message.fields.routingKey}`)));

  const order = { order_id: orderId, customer_email: 'ada@example.com', title: 'A hare' };
  const messageId = randomUUID(); // the idempotency key: after an error publish again with the same one
  const hex = (bytes) => randomBytes(bytes).toString('hex');
  const traceparent = `00-${hex(16)}-${hex(8)}-01`; // in a service: that of the present request
  channel.publish('leveret.in', 'order.created.v1', Buffer.from(JSON.stringify(order)), {
    messageId, type: 'order.created.v1', contentType: 'application/json', persistent: true, mandatory: true,
    timestamp: Math.floor(Date.now() / 1000), appId: 'shop', headers: { subject: `order/${orderId}`, traceparent },
  });
  await channel.waitForConfirms(); // throws unless the broker has taken the message
  await connection.close();
  console.log(messageId);
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

main(Number(process.argv[2])).catch(fail);
