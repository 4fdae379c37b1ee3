<?php
// Publishes one order to leveret with php-amqplib. usage: php publish.php ORDER_ID, the broker in AMQP_URL
// The library is Debian's php-amqplib, or Composer's: composer require php-amqplib/php-amqplib
require is_file(__DIR__ . '/vendor/autoload.php') ? __DIR__ . '/vendor/autoload.php' : 'PhpAmqpLib/autoload.php';

use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

$url = parse_url(getenv('AMQP_URL'));
$channel = (new AMQPStreamConnection($url['host'], $url['port'] ?? 5672, $url['user'], $url['pass'],
    urldecode(substr($url['path'] ?? '/%2F', 1))))->channel();
$channel->confirm_select();
$channel->set_nack_handler(fn () => throw new RuntimeException('the broker has not taken the message'));
$channel->set_return_listener(fn ($code, $text, $exchange, $key) => throw new RuntimeException("no queue for $key"));

$order = ['order_id' => (int) ($argv[1]), 'customer_email' => 'ada@example.com', 'title' => 'A hare'];
$id = bin2hex(random_bytes(16)); // the idempotency key: after an error publish again with the same one
$trace = '00-' . bin2hex(random_bytes(16)) . '-' . bin2hex(random_bytes(8)) . '-01'; // in a service: that of the present request
$message = new AMQPMessage(json_encode($order), [
    'message_id' => $id, 'type' => 'order.created.v1', 'content_type' => 'application/json',
    'delivery_mode' => AMQPMessage::DELIVERY_MODE_PERSISTENT, 'timestamp' => time(), 'app_id' => 'shop',
    'application_headers' => new AMQPTable(['subject' => "order/{$order['order_id']}", 'traceparent' => $trace])]);
$channel->basic_publish($message, 'leveret.in', 'order.created.v1', mandatory: true);
$channel->wait_for_pending_acks_returns(10);
echo $id, "\n";
