// Publishes messages to leveret as a Node service does: with amqplib, a confirm channel, persistent and mandatory.
// usage: node publish.js AMQP_URL EXCHANGE < messages    one JSON object a line: {"id", "type", "routingKey", "body", "headers"}
// Prints the id of each message when the broker has confirmed it; exits 1 if one was not.
'use strict';

const amqplib = require('amqplib');
const readline = require('readline');

async function main(url, exchange) {
  const connection = await amqplib.connect(url);
  const channel = await connection.createConfirmChannel();
  const waiting = [];
  channel.on('return', (message) => {
    console.error(`returned: ${message.properties.messageId}`);
    process.exitCode = 1;
  });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    if (line) waiting.push(publish(channel, exchange, JSON.parse(line)));
  }
  await Promise.all(waiting);
  await connection.close();
}

function publish(channel, exchange, message) {
  const options = {
    messageId: message.id,
    type: message.type,
    contentType: 'application/json',
    persistent: true,
    mandatory: true,
    timestamp: Math.floor(Date.now() / 1000),
    headers: message.headers,
  };
  return new Promise((resolve, reject) => {
    channel.publish(exchange, message.routingKey, Buffer.from(message.body), options, (error) => {
      if (error) return reject(new Error(`not confirmed: ${message.id}: ${error.message}`));
      console.log(message.id);
      return resolve();
    });
  });
}

main(process.argv[2], process.argv[3]).catch((error) => {
  console.error(error.message);
  process.exit(1);
});
